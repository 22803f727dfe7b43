// SPDX-License-Identifier: MIT
// A closure: a small callback is kept, and with it what another closure of the same function needed.
import {record} from './record.mjs';

const retryCallbacks = [];
let number = 0, logged = 0;

function log(describe) {
  logged += describe().length;
}

function makeRetry(job) {
  const rows = Array.from({length: 200}, (_, i) => ({job, i}));
  log(() => `${rows.length} rows of job ${job}`); // puts rows into the context that retry shares
  return function retry() {
    return job;
  };
}

record(() => {
  for (let i = 0; i < 150; i++) retryCallbacks.push(makeRetry(number++));
});
