// SPDX-License-Identifier: MIT
// A snapshot of about MEGABYTES, by Node's own writer, of a program with maps, weak maps, closures, classes and texts.
// Same seed, same program; the figures differ between versions of Node.
//
//     node --max-old-space-size=12000 tests/generate/generate.mjs MEGABYTES FILE [SEED]
//
// The heap takes about two thirds of the file, Node's writer some five times the file besides.
import v8 from 'node:v8';

const megabytes = Number(process.argv[2]), file = process.argv[3];
let state = Number(process.argv[4] ?? 1) >>> 0 || 1;
if (!(megabytes > 0) || !file) {
  console.error('usage: node --max-old-space-size=12000 generate.mjs MEGABYTES FILE [SEED]');
  process.exit(2);
}
function below(n) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
}

class Session { constructor(number) { this.number = number; this.history = []; this.token = flat(`token ${number}`); } }
class Order { constructor(session, total) { this.session = session; this.total = total; this.lines = new Map(); } }
const flat = words => Buffer.from(words).toString('latin1');
const app = {sessions: [], byToken: new Map(), state: new WeakMap(), listeners: [], tree: {}};
globalThis.app = app;

function handler(session) {
  let count = below(9) + 0.5;
  return () => ++count + session.number;
}

// One round is some 1,050 bytes of snapshot.
const rounds = Math.ceil(megabytes * 1e6 / 1050);
for (let i = 0; i < rounds; i++) {
  const session = new Session(i), order = new Order(session, i + 0.25);
  app.sessions.push(session);
  if (i % 4 === 0) app.byToken.set(session.token, order);
  if (i % 8 === 0) app.state.set(session, {order, seen: [i, i + 1]});
  order.lines.set('first', {price: i, text: 'line ' + i % 1000});
  session.history.push(order, app.sessions[below(i + 1)]);
  if (i % 2 === 0) app.listeners.push(handler(session));
  if (i % 16 === 0) app.tree = {left: app.tree, right: {i, when: new Date(i)}, key: /a+b/};
}
v8.writeHeapSnapshot(file);
