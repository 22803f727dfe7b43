// SPDX-License-Identifier: MIT
//
// lib.js: times a program and prints its figures as `bench --alone` does.
'use strict';
const fs = require('fs');

function statusBytes(field) {
  const found = fs.readFileSync('/proc/self/status', 'latin1').match(new RegExp(field + ':\\s+(\\d+) kB'));
  return found ? Number(found[1]) * 1024 : 0;
}

const zero = statusBytes('VmRSS'); // what was resident before the program did anything

// Counters of steps, as latency_end of heap_support.c has them, in wall time: quantiles, and the least share of a window
// that is left when what a step takes beyond the median counts as a pause.
function stepLines(steps) {
  const sorted = Float64Array.from(steps).sort(), lines = [];
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  for (const [name, q] of [['p50', 0.5], ['p999', 0.999], ['p9999', 0.9999], ['max', 1]])
    lines.push(`counter step_${name}_wall_ns ${at(q)}`);
  const begin = [], end = [], median = at(0.5);
  let now = 0;
  for (const step of steps) {
    if (step > median) { begin.push(now + median); end.push(now + step); }
    now += step;
  }
  for (const ms of [1, 5, 20, 100]) {
    const window = Math.min(ms * 1e6, now);
    let most = 0;
    for (let i = 0, last = 0, inside = 0; i < begin.length; i++) { // windows that begin with a pause
      const to = begin[i] + window;
      for (; last < begin.length && begin[last] < to; last++) inside += end[last] - begin[last];
      most = Math.max(most, inside - Math.max(0, end[last - 1] - to));
      inside -= end[i] - begin[i];
    }
    for (let i = 0, first = 0, inside = 0; i < begin.length; i++) { // windows that end with one
      const from = end[i] - window;
      inside += end[i] - begin[i];
      for (; first < i && end[first] <= from; first++) inside -= end[first] - begin[first];
      most = Math.max(most, inside - Math.max(0, from - begin[first]));
    }
    lines.push(`counter mmu_${ms}ms_wall ${Math.max(0, 1 - most / window)}`);
  }
  return lines;
}

// Runs `work` once and prints. `work` may return { steps: Float64Array of wall times in ns, counters: { name: value } }.
exports.measure = function (work) {
  const cpu = process.cpuUsage(), wall = process.hrtime.bigint();
  const result = work() || {};
  const wallNs = Number(process.hrtime.bigint() - wall), used = process.cpuUsage(cpu);
  const lines = [`iterations 1`, `wall_ns ${wallNs}`, `cpu_ns ${(used.user + used.system) * 1000}`];
  for (const [name, value] of Object.entries(result.counters || {})) lines.push(`counter ${name} ${value}`);
  lines.push(`peak_bytes ${statusBytes('VmHWM') - zero}`);
  lines.push(`resident_bytes ${statusBytes('VmRSS') - zero}`);
  lines.push(`live_bytes 0`);
  if (result.steps) lines.push(...stepLines(result.steps)); // last: it takes memory
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

// As heap_mix of heap_support.h: a checksum of what was read, told as the counter `checksum`.
exports.mix = (sum, value) => (Math.imul(sum, 31) + value) & 0x1fffffff;

// The timed part of a program of equal steps, as heap_play of heap_support.h; `sum` gives the checksum afterwards.
exports.play = function (count, step, sum) {
  exports.measure(() => {
    const steps = new Float64Array(count);
    let last = process.hrtime.bigint();
    for (let i = 0; i < count; i++) {
      step();
      const now = process.hrtime.bigint();
      steps[i] = Number(now - last);
      last = now;
    }
    return { steps, counters: { checksum: sum() } };
  });
};

exports.size = Number(process.argv[2]);
