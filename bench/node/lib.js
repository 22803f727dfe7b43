// SPDX-License-Identifier: MIT
//
// lib.js: times a program and prints its figures as `bench --alone` does.
'use strict';
const fs = require('fs');

function statusBytes(field) {
  const found = fs.readFileSync('/proc/self/status', 'latin1').match(new RegExp(field + ':\\s+(\\d+) kB'));
  return found ? Number(found[1]) * 1024 : 0;
}

// Runs `work` once and prints. `work` may return { steps: Float64Array of wall times in ns, counters: { name: value } }.
exports.measure = function (work) {
  const zero = statusBytes('VmRSS'), cpu = process.cpuUsage(), wall = process.hrtime.bigint();
  const result = work() || {};
  const wallNs = Number(process.hrtime.bigint() - wall), used = process.cpuUsage(cpu);
  const lines = [`iterations 1`, `wall_ns ${wallNs}`, `cpu_ns ${(used.user + used.system) * 1000}`];
  if (result.steps) lines.push(`counter step_max_wall_ns ${result.steps.reduce((a, b) => Math.max(a, b), 0)}`);
  for (const [name, value] of Object.entries(result.counters || {})) lines.push(`counter ${name} ${value}`);
  lines.push(`peak_bytes ${statusBytes('VmHWM') - zero}`);
  lines.push(`resident_bytes ${statusBytes('VmRSS') - zero}`);
  lines.push(`live_bytes 0`);
  console.log(lines.join('\n'));
};

// The same numbers as work_random and work_below of work.h would take 64-bit integers; another generator, as good.
exports.random = function () {
  let state = 0x2545f491;
  return function (bound) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) * bound / 4294967296) >>> 0;
  };
};

exports.size = Number(process.argv[2]);
