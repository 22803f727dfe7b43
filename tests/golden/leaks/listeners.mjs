// SPDX-License-Identifier: MIT
// Listeners: each connection adds one and goes without removing it.
import {EventEmitter} from 'node:events';
import {record} from './record.mjs';

class PriceFeed extends EventEmitter {}

class Connection {
  constructor(number) {
    this.number = number;
    this.buffer = [number, number, number];
  }
}

const feed = new PriceFeed();
feed.setMaxListeners(0);

function connect(number) {
  const connection = new Connection(number);
  feed.on('price', price => connection.buffer.push(price));
}

let number = 0;
record(() => {
  for (let i = 0; i < 6000; i++) connect(number++);
});
