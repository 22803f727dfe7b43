// SPDX-License-Identifier: MIT
// heap_cache.c for Node, as one writes it there: a Map keeps the order of insertion, and a use inserts anew.
'use strict';
const { play, random, mix, size } = require('./lib');
const below = random();
const fill = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i).repeat(128));
const cache = new Map();
let sum = 0;

function look(key) {
  const value = cache.get(key);
  if (value !== undefined) {
    sum = mix(sum, value.charCodeAt(127));
    cache.delete(key);
    cache.set(key, value);
    return;
  }
  const fresh = Buffer.from(fill[key & 255], 'latin1').latin1Slice();
  if (cache.size === size) {
    const oldest = cache.keys().next().value;
    sum = mix(sum, oldest);
    cache.delete(oldest);
  }
  cache.set(key, fresh);
}

play(size * 20 / 100, () => { for (let i = 0; i < 100; i++) look(below(2 * size)); }, () => sum);
