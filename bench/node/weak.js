// SPDX-License-Identifier: MIT
// heap_weak.c for Node.
'use strict';
const { play, random, mix, size } = require('./lib');
const below = random();

class Thing {
  constructor(id) { this.id = id; }
}
const table = new Array(size), extras = new WeakMap();
let id = 0, sum = 0;

function add(where) {
  const object = new Thing(id++);
  table[where] = object;
  extras.set(object, { object, value: object.id * 7 });
}

for (let i = 0; i < size; i++) add(i);
play(size * 10 / 100, () => {
  for (let i = 0; i < 100; i++) {
    const where = below(size), other = below(size);
    add(where);
    sum = mix(sum, extras.get(table[other]).value);
  }
}, () => sum);
