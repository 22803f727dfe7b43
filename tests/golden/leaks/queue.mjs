// SPDX-License-Identifier: MIT
// A slow queue: the producer is ten times as fast as the consumer.
import {record} from './record.mjs';

class Job {
  constructor(number) {
    this.number = number;
    this.arguments = [number, `job ${number}`];
  }
}

class WorkQueue {
  pending = [];
  put(job) { this.pending.push(job); }
  take() { return this.pending.shift(); }
}

const queue = new WorkQueue();
let number = 0;
record(() => {
  for (let i = 0; i < 8000; i++) {
    queue.put(new Job(number++));
    if (i % 10 === 0) queue.take();
  }
});
