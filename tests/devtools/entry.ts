// The two classes of DevTools that the judge needs; bundled by build.mjs.
export {HeapSnapshotLoader} from './node_modules/chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshotLoader.ts';
export {SecondaryInitManager} from './node_modules/chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshot.ts';
