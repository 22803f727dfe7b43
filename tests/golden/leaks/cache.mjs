// SPDX-License-Identifier: MIT
// A cache without bound: a module-level map from which nothing is ever dropped.
import {record} from './record.mjs';

class ResponseCache {
  entries = new Map();
  render(path) {
    if (!this.entries.has(path)) this.entries.set(path, {path, body: [path, path + '?', path + '#'], at: 1});
    return this.entries.get(path);
  }
}

const cache = new ResponseCache();
let number = 0;
record(() => {
  for (let i = 0; i < 6000; i++) cache.render(`/page/${number++}`);
});
