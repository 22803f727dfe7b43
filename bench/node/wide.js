// SPDX-License-Identifier: MIT
// heap_wide.c for Node.
'use strict';
const { play, random, mix, size } = require('./lib');
const below = random();

class Item {
  constructor(value) { this.value = value; this.other = 0; }
}
const arrays = [];
let id = 0, done = 0;
for (let a = 0; a < 4; a++) {
  arrays[a] = new Array(size);
  for (let i = 0; i < size; i++) arrays[a][i] = new Item(id++);
}

play(4000, () => {
  for (let i = 0; i < 100; i++) {
    const item = new Item(id++), array = arrays[below(4)];
    array[below(size)] = item;
  }
  if (++done % 40 === 0) arrays[done / 40 % 4] = arrays[done / 40 % 4].slice();
}, () => {
  let sum = 0;
  for (const array of arrays) for (const item of array) sum = mix(sum, item.value);
  return sum;
});
