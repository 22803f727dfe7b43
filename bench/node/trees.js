// SPDX-License-Identifier: MIT
// heap_trees.c for Node.
'use strict';
const { measure, size } = require('./lib');

class Node {
  constructor(left, right) { this.left = left; this.right = right; }
}
const build = (depth) => depth === 0 ? new Node(null, null) : new Node(build(depth - 1), build(depth - 1));
const count = (node) => node === null ? 0 : 1 + count(node.left) + count(node.right);

measure(() => {
  let counted = count(build(size + 1)), expected = 2 ** (size + 2) - 1;
  const livesOn = build(size);
  for (let depth = 4; depth <= size; depth += 2) {
    const trees = 2 ** (size - depth + 4);
    expected += trees * (2 ** (depth + 1) - 1);
    for (let i = 0; i < trees; i++) counted += count(build(depth));
  }
  if (counted !== expected || count(livesOn) !== 2 ** (size + 1) - 1) throw new Error('the trees lack nodes');
});
