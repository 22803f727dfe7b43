// SPDX-License-Identifier: MIT
// heap_buffers.c for Node.
'use strict';
const { play, random, mix, size } = require('./lib');
const below = random();
const table = new Array(size);
let id = 0, sum = 0;

const make = () => {
  const buffer = Buffer.allocUnsafeSlow(4096 + below(62 * 1024));
  return buffer.fill(id++ & 255);
};
for (let i = 0; i < size; i++) table[i] = make();

play(2000, () => {
  for (let i = 0; i < 10; i++) {
    const fresh = make(), at = below(size), old = table[at];
    sum = mix(sum, old.length + old[old.length - 1]);
    table[at] = fresh;
  }
}, () => sum);
