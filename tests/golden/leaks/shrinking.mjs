// SPDX-License-Identifier: MIT
// A small leak in a heap that becomes smaller all the while.
import {record} from './record.mjs';

class AuditLog {
  entries = [];
}

const backlog = Array.from({length: 20000}, (_, i) => ({i, text: `row ${i}`})), log = new AuditLog();
let number = 0;
record(() => {
  backlog.length = Math.floor(backlog.length / 2);
  for (let i = 0; i < 800; i++) log.entries.push({number: number++, user: `user ${number}`});
});
