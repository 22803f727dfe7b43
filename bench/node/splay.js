// SPDX-License-Identifier: MIT
// heap_splay.c for Node: top-down splaying (Sleator and Tarjan 1985).
'use strict';
const { measure, random, size } = require('./lib');
const TREE_NODES = 8000, PAYLOAD_DEPTH = 5;
const below = random();

class Node {
  constructor(key) { this.left = null; this.right = null; this.payload = payload(PAYLOAD_DEPTH, key); this.key = key; }
}

function payload(depth, key) {
  if (depth === 0) return { first: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], second: `String for key ${key & 1023} in a leaf node` };
  return { first: payload(depth - 1, key), second: payload(depth - 1, key) };
}

function splay(t, key) {
  let leftRoot = null, leftLast = null, rightRoot = null, rightLast = null;
  for (;;) {
    if (key < t.key) {
      if (t.left === null) break;
      if (key < t.left.key) {
        const up = t.left;
        t.left = up.right;
        up.right = t;
        t = up;
        if (t.left === null) break;
      }
      if (rightLast === null) rightRoot = t; else rightLast.left = t;
      rightLast = t;
      t = t.left;
    } else if (key > t.key) {
      if (t.right === null) break;
      if (key > t.right.key) {
        const up = t.right;
        t.right = up.left;
        up.left = t;
        t = up;
        if (t.right === null) break;
      }
      if (leftLast === null) leftRoot = t; else leftLast.right = t;
      leftLast = t;
      t = t.right;
    } else break;
  }
  if (leftLast !== null) { leftLast.right = t.left; t.left = leftRoot; }
  if (rightLast !== null) { rightLast.left = t.right; t.right = rightRoot; }
  return t;
}

function insert(root, node) {
  if (root === null) return node;
  root = splay(root, node.key);
  if (node.key > root.key) { node.left = root; node.right = root.right; root.right = null; }
  else { node.right = root; node.left = root.left; root.left = null; }
  return node;
}

function removeRoot(root) {
  if (root.left === null) return root.right;
  const left = splay(root.left, root.key);
  left.right = root.right;
  return left;
}

function change(root) {
  root = insert(root, new Node(below(4294967295) * 2097152 + below(2097152)));
  let victim = root.left;
  if (victim !== null) {
    while (victim.right !== null) victim = victim.right;
    root = splay(root, victim.key);
  }
  return removeRoot(root);
}

let root = null;
for (let i = 0; i < TREE_NODES; i++) root = insert(root, new Node(below(4294967295) * 2097152 + below(2097152)));

measure(() => {
  const steps = new Float64Array(size);
  let last = process.hrtime.bigint();
  for (let i = 0; i < size; i++) {
    root = change(root);
    const now = process.hrtime.bigint();
    steps[i] = Number(now - last);
    last = now;
  }
  let count = 0;
  for (; root !== null; count++) root = removeRoot(root);
  if (count !== TREE_NODES) throw new Error('the tree has lost nodes');
  return { steps };
});
