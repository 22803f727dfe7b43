// SPDX-License-Identifier: MIT
// heap_churn.c for Node. A leaf is twelve numbers in an array: 96 bytes of content as there.
'use strict';
const { measure, random, size } = require('./lib');

class Node {
  constructor(id) { this.first = null; this.second = null; this.leaf = leafOf(id); this.id = id; }
}
const leafOf = (id) => [id + 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];

const below = random(), table = new Array(size);
for (let i = 0; i < size; i++) table[i] = new Node(i);
for (let i = 0; i < size; i++) {
  table[i].first = table[below(size)];
  table[i].second = table[below(size)];
}

measure(() => {
  const steps = new Float64Array(Math.floor(size / 35));
  let last = process.hrtime.bigint();
  for (let i = 0; i < steps.length; i++) {
    for (let k = 0; k < 100; k++) {
      const node = table[below(size)];
      node.leaf = leafOf(node.id);
      node.first = table[below(size)];
    }
    const now = process.hrtime.bigint();
    steps[i] = Number(now - last);
    last = now;
  }
  if (!table.every((node, i) => node.id === i && node.leaf[0] === i + 0.5)) throw new Error('a node has lost its leaf');
  return { steps };
});
