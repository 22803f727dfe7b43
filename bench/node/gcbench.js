// SPDX-License-Identifier: MIT
// heap_gcbench.c for Node.
'use strict';
const { measure } = require('./lib');

class Node {
  constructor(left, right) { this.left = left; this.right = right; this.i = 0; this.j = 0; }
}
const nodes = (depth) => 2 ** (depth + 1) - 1;
const make = (depth) => depth === 0 ? new Node(null, null) : new Node(make(depth - 1), make(depth - 1));
function populate(depth, node) {
  if (depth === 0) return;
  node.left = new Node(null, null);
  node.right = new Node(null, null);
  populate(depth - 1, node.left);
  populate(depth - 1, node.right);
}

measure(() => {
  make(18);
  const livesOn = new Node(null, null), array = new Float64Array(500000);
  populate(16, livesOn);
  for (let i = 1; i < array.length / 2; i++) array[i] = 1 / i;
  for (let depth = 4; depth <= 16; depth += 2) {
    const trees = Math.floor(2 * nodes(18) / nodes(depth));
    for (let i = 0; i < trees; i++) populate(depth, new Node(null, null));
    for (let i = 0; i < trees; i++) make(depth);
  }
  if (livesOn.left === null || array[1000] !== 1 / 1000) throw new Error('what lives on has changed');
});
