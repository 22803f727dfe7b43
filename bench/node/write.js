// SPDX-License-Identifier: MIT
// The writing half of dump_cases.c for Node: the same records, by V8's own writer.
'use strict';
const fs = require('fs'), os = require('os'), path = require('path'), v8 = require('v8');
const { measure, random, size } = require('./lib');

class Record {
  constructor(other, name) { this.other = other; this.name = name; }
}

const below = random(), table = [];
for (let i = 0; i < size / 2; i++) {
  const name = Buffer.from(`record ${String(i).padStart(13, '0')}`).toString('latin1'); // one flat string
  table.push(new Record(i === 0 ? null : table[below(i)], name));
}
globalThis.table = table; // lives until the end
const file = path.join(os.tmpdir(), `midden-bench-${process.pid}.heapsnapshot`);

process.on('exit', () => fs.rmSync(file, { force: true }));
measure(() => {
  v8.writeHeapSnapshot(file);
  const bytes = fs.statSync(file).size;
  if (bytes < 25 * size) throw new Error('the snapshot lacks objects');
  return { counters: { file_bytes: bytes } };
});
