// usage: node compare.mjs SNAPSHOT COLUMNS SUMMARY.json
// Loads SNAPSHOT with DevTools' own code and compares with what midden says of it: COLUMNS is the directory of
// `midden export --columns`, SUMMARY.json the output of `midden summary --json`. One line a question; exit 1 when an
// answer differs.
import fs from 'node:fs';
import path from 'node:path';
import {load} from './load.mjs';

const [file, columns, summaryFile] = process.argv.slice(2);
const warnings = [];
console.warn = text => warnings.push(String(text).split('\n')[0]);
const snapshot = await load(file);
const summary = JSON.parse(fs.readFileSync(summaryFile, 'utf8'));
const nodes = snapshot.nodeCount, fields = snapshot.nodeFieldCount;
let different = 0;

function question(name, wrong) {
  console.log(`${wrong === null ? 'equal' : 'DIFFERENT'}: ${name}${wrong === null ? '' : ': ' + wrong}`);
  different += wrong !== null;
}

function value(name, ours, theirs) {
  question(name, ours === theirs ? null : `midden ${ours}, DevTools ${theirs}`);
}

function column(name, Type, theirs) {
  const bytes = fs.readFileSync(path.join(columns, name));
  const ours = new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  if (ours.length !== nodes)
    return question(name, `${ours.length} values for ${nodes} nodes`);
  for (let i = 0; i < nodes; i++)
    if (Number(ours[i]) !== theirs(i))
      return question(name, `node ${i}: midden ${ours[i]}, DevTools ${theirs(i)}`);
  question(`${name}, ${nodes} values`, null);
}

function classes() {
  snapshot.applyInterfaceDefinitions([]); // by name alone, as `midden summary` without --interfaces
  const plain = new Map(Object.entries(snapshot.aggregatesWithFilter({})));
  if (summary.classes.length !== plain.size)
    return question('classes', `midden ${summary.classes.length}, DevTools ${plain.size}`);
  for (const ours of summary.classes) {
    const c = plain.get(ours.key);
    const line = c && [c.name, c.count, c.self, c.maxRet].join(' ');
    const own = [ours.name, ours.count, ours.shallow, ours.retained].join(' ');
    if (line !== own)
      return question('classes', `${ours.key}: midden ${own}, DevTools ${line}`);
  }
  question(`classes, ${plain.size} rows`, null);
}

value('nodes', summary.nodes, nodes);
value('edges', summary.edges, snapshot.containmentEdges.length / snapshot.edgeFieldsCount);
value('total size', summary.total_size, snapshot.totalSize);
column('self.u64', BigUint64Array, i => snapshot.nodes.getValue(i * fields + snapshot.nodeSelfSizeOffset));
column('dominator.u32', Uint32Array, i => snapshot.dominatorsTree[i]);
column('retained.u64', BigUint64Array, i => snapshot.retainedSizes[i]);
column('distance.i32', Int32Array, i => snapshot.nodeDistances[i]);
classes();
for (const w of warnings)
  console.log(`DevTools warns: ${w}`);
process.exit(different === 0 ? 0 : 1);
