// load(file): DevTools' model of a snapshot. As in the browser, half of its work is done by a second thread, which runs
// this same file.
import fs from 'node:fs';
import {isMainThread, MessageChannel, Worker, workerData} from 'node:worker_threads';
import {fileURLToPath} from 'node:url';

Promise.withResolvers ??= function() {
  const parts = {};
  parts.promise = new this((resolve, reject) => Object.assign(parts, {resolve, reject}));
  return parts;
};

const {HeapSnapshotLoader, SecondaryInitManager} = await import('./devtools-heap.mjs');
if (!isMainThread)
  new SecondaryInitManager(workerData.port);

export async function load(file) {
  const loader = new HeapSnapshotLoader({sendEvent() {}});
  const {port1, port2} = new MessageChannel();
  const worker = new Worker(fileURLToPath(import.meta.url), {workerData: {port: port2}, transferList: [port2]});
  const failed = new Promise((_, reject) => worker.on('error', reject));
  const fed = (async () => {
    for await (const chunk of fs.createReadStream(file, {highWaterMark: 1 << 23, encoding: 'utf8'})) {
      loader.write(chunk);
      await new Promise(resolve => setImmediate(resolve));
    }
    loader.close();
  })();
  await Promise.race([Promise.all([fed, loader.parsingComplete]), failed]);
  const snapshot = await Promise.race([loader.buildSnapshot(port1), failed]);
  port1.close();
  await worker.terminate();
  return snapshot;
}
