// Bundles DevTools' heap snapshot worker for Node into devtools-heap.mjs. Modules that only a browser needs (translation,
// the proxy to the worker) are replaced by the few names that the worker imports from them.
import {build} from 'esbuild';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const frontEnd = path.join(here, 'node_modules/chrome-devtools-frontend/front_end');

const replacements = [
  {
    names: /core\/i18n\/i18n\.js$/,
    text: `const text = s => s;
      export const i18n = {lockedString: text, getLocalizedString: (_, s) => s, registerUIStrings: () => ({}),
        getLazilyComputedLocalizedString: () => text, serializeUIString: (string, values = {}) => JSON.stringify({string, values})};`,
  },
  {
    names: /core\/text_utils\/text_utils\.js$/,
    text: `export * as TextUtils from ${JSON.stringify(path.join(frontEnd, 'core/text_utils/TextUtils.ts'))};`,
  },
  {names: /core\/common\/common\.js$|HeapSnapshotProxy\.js$|browser\/browser\.js$/, text: 'export const HostRuntime = {};'},
];

const withoutBrowser = {
  name: 'without-browser',
  setup(b) {
    replacements.forEach(({names}, i) => b.onResolve({filter: names}, () => ({path: String(i), namespace: 'replaced'})));
    b.onLoad({filter: /.*/, namespace: 'replaced'},
             ({path: i}) => ({contents: replacements[i].text, loader: 'js', resolveDir: frontEnd}));
    // the sources are TypeScript and import one another under the names that they have once compiled
    b.onResolve({filter: /\.js$/}, a => ({path: path.resolve(a.resolveDir, a.path).replace(/\.js$/, '.ts')}));
  },
};

await build({
  entryPoints: [path.join(here, 'entry.ts')],
  outfile: path.join(here, 'devtools-heap.mjs'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  plugins: [withoutBrowser],
  logLevel: 'warning',
});
