// SPDX-License-Identifier: MIT
// read.mjs JUDGE FILE: the reading half of dump_cases.c by Chrome DevTools' own loader, which `DEVTOOLS=1 make test-devtools` has
// bundled in the directory JUDGE. From the first byte to the model with retained sizes and distances; start-up is not counted.
import fs from 'node:fs';
import {pathToFileURL} from 'node:url';

const [judge, file] = process.argv.slice(2);
const {load} = await import(pathToFileURL(`${judge}/load.mjs`));
const begin = process.hrtime.bigint();
const snapshot = await load(file);
const wall = process.hrtime.bigint() - begin;
const peak = fs.readFileSync('/proc/self/status', 'latin1').match(/VmHWM:\s+(\d+) kB/);
console.log(`${wall} ${snapshot.nodeCount} ${Number(peak[1]) * 1024}`);
process.exit(0);
