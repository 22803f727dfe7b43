// SPDX-License-Identifier: MIT
// A small leak beside an index that is made anew each time: all of the index is new, and none of it is growth.
import {record} from './record.mjs';

class SearchIndex {
  rebuild() {
    this.terms = new Map();
    for (let i = 0; i < 8000; i++) this.terms.set(`term ${i}`, {i, postings: [i]});
  }
}

class AuditLog {
  entries = [];
}

const index = new SearchIndex(), log = new AuditLog();
let number = 0;
record(() => {
  index.rebuild();
  for (let i = 0; i < 800; i++) log.entries.push({number: number++, user: `user ${number}`});
});
