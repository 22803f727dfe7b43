// SPDX-License-Identifier: MIT
// read-memlab.mjs DIRECTORY FILE: the reading half of dump_cases.c by memlab, which `make bench-memlab` has installed in DIRECTORY.
// From the first byte to the model with dominators, retained sizes and paths, as its analyses begin; start-up is not counted.
import fs from 'node:fs';
import {createRequire} from 'node:module';

const [directory, file] = process.argv.slice(2);
const {analysis, config, utils} = createRequire(fs.realpathSync(directory) + '/')('@memlab/core');
config.muteConsole = true;
const begin = process.hrtime.bigint();
const snapshot = await utils.getSnapshotFromFile(file, {buildNodeIdIndex: true, verbose: false});
analysis.preparePathFinder(snapshot);
const wall = process.hrtime.bigint() - begin;
if (!(snapshot.nodes.get(0).retainedSize > 0))
  throw new Error('no retained sizes');
const peak = fs.readFileSync('/proc/self/status', 'latin1').match(/VmHWM:\s+(\d+) kB/);
process.stdout.write(`${wall} ${snapshot.nodes.length} ${Number(peak[1]) * 1024}\n`);
process.exit(0);
