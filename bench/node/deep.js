// SPDX-License-Identifier: MIT
// heap_deep.c for Node.
'use strict';
const { play, random, mix, size } = require('./lib');
const below = random();

class Node {
  constructor(next, value) { this.next = next; this.value = value; }
}
let old = null, young = null, length = 0;
for (let i = 0; i < size; i++) old = new Node(old, below(1 << 20));

function sumOf(list, sum) {
  for (let n = list; n !== null; n = n.next) sum = mix(sum, n.value);
  return sum;
}

play(Math.floor(size / 500) * 4, () => {
  if (length === size) { young = null; length = 0; }
  for (let i = 0; i < 500; i++, length++) young = new Node(young, below(1 << 20));
}, () => sumOf(young, sumOf(old, 0)));
