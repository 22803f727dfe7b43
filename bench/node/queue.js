// SPDX-License-Identifier: MIT
// heap_queue.c for Node. A body is a string of one-byte characters: memory of V8's own heap, as there.
'use strict';
const { play, random, mix, size } = require('./lib');
const below = random();
const fill = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i).repeat(512));
let head = null, tail = null, nextId = 0, sum = 0;

function put() {
  const bytes = 32 + below(480), id = nextId++;
  const message = { next: null, body: Buffer.from(fill[id & 255].slice(0, bytes), 'latin1').latin1Slice(), id, bytes };
  if (tail === null) head = message; else tail.next = message;
  tail = message;
}

function take() {
  sum = mix(sum, head.id + head.bytes + head.body.charCodeAt(head.bytes - 1));
  head = head.next;
}

for (let i = 0; i < size; i++) put();
play(size * 10 / 100, () => { for (let i = 0; i < 100; i++) { put(); take(); } }, () => sum);
