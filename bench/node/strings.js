// SPDX-License-Identifier: MIT
// heap_strings.c for Node. V8 may keep a joined string as two and copy later: that is its right.
'use strict';
const { play, random, mix, size } = require('./lib');
const below = random();
const table = new Array(size);
for (let i = 0; i < size; i++) {
  const bytes = [];
  for (let k = 0; k < 48; k++) bytes.push(97 + below(26));
  table[i] = String.fromCharCode(...bytes);
}

play(size * 20 / 100, () => {
  for (let i = 0; i < 100; i++) {
    const a = below(size), b = below(size), to = below(size), ofA = 1 + below(48), ofB = 1 + below(48);
    table[to] = table[a].slice(0, ofA) + table[b].slice(0, ofB);
  }
}, () => {
  let sum = 0;
  for (const s of table) sum = mix(mix(mix(sum, s.length), s.charCodeAt(0)), s.charCodeAt(s.length - 1));
  return sum;
});
