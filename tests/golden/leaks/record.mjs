// SPDX-License-Identifier: MIT
// Runs grow() three times and writes a heap snapshot behind each: PREFIX-1.heapsnapshot ...
import v8 from 'node:v8';

export function record(grow) {
  const prefix = process.argv[2];
  for (let i = 1; i <= 3; i++) {
    grow();
    v8.writeHeapSnapshot(`${prefix}-${i}.heapsnapshot`);
  }
}
