// SPDX-License-Identifier: MIT
// A global: every request is noted in a variable that nobody empties.
import {record} from './record.mjs';

class Request {
  constructor(number) {
    this.url = `/item/${number}`;
    this.headers = {host: 'localhost', number};
  }
}

globalThis.seenRequests = [];
let number = 0;
record(() => {
  for (let i = 0; i < 8000; i++) globalThis.seenRequests.push(new Request(number++));
});
