import assert from 'node:assert/strict';
import { builtinModules } from 'node:module';
import { test } from 'node:test';

import { importsIn, importsUnder, sourceFiles, type Import } from './helpers/imports.ts';

/** All that sources, transforms and sinks are put together from. */
const beneathComponents = [
  'core',
  'formats',
  'models',
  'tree',
  'mappings',
  'connections',
  'mongodb',
  'ledger',
  'files',
  'spill',
  'workers',
  'librechat',
];

/**
 * What each folder of src/ may import besides itself. A folder that is not here has no place yet: give it one.
 * `core` is the files directly in src/; `registry` is the two files that name every component.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  formats: [],
  models: ['core', 'formats'],
  tree: ['core', 'models'],
  mappings: ['core', 'formats', 'models', 'tree'],
  core: ['formats'],
  connections: ['core', 'formats', 'models'],
  mongodb: ['core', 'formats', 'connections'],
  ledger: ['core', 'connections'],
  files: ['core', 'formats', 'ledger'],
  spill: ['core', 'formats', 'files'],
  workers: ['core', 'formats'],
  librechat: ['core', 'formats', 'models', 'mappings', 'connections', 'mongodb', 'files', 'spill'],
  sources: beneathComponents,
  transforms: beneathComponents,
  sinks: beneathComponents,
  testing: ['core', 'formats', 'models'],
  registry: [...beneathComponents, 'sources', 'transforms', 'sinks', 'jobs', 'config'],
  config: ['core', 'registry'],
  jobs: [...beneathComponents, 'sources', 'transforms', 'sinks', 'registry', 'config'],
  cli: ['core', 'formats', 'ledger', 'files', 'registry', 'config', 'jobs'],
};

/** Pure folders: values in, values out, and from Node only what computes. */
const pure = ['formats', 'models', 'tree', 'mappings'];
const computes = [
  'node:buffer',
  'node:crypto',
  'node:zlib',
  'node:util',
  'node:string_decoder',
  'node:stream',
  'node:stream/promises',
  'node:events',
];
/** Reads the compiled WebAssembly module that belongs to the package itself. */
const pureExceptions = ['src/formats/webassembly.ts'];

const drivers = ['mongodb', 'pg', 'pg-copy-streams', 'undici', 'bullmq', 'ioredis'];

const imports = importsUnder('src');
const own = imports.filter(({ isOwn }) => isOwn);
const files = new Set(sourceFiles('src'));

test('the import walk sees static, dynamic, type-only and re-exported modules', () => {
  const text = `import a from './a.ts'; import type { B } from './b.ts'; export { c } from './c.ts'; export type * from './d.ts';
    const e = await import('./e.ts'); type F = import('./f.ts').F; import './g.ts';`;
  assert.deepEqual(importsIn(text), ['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts']);
  assert.ok(own.length > 50, `only ${own.length} imports found in src/`);
});

test('every folder of src/ has its place in the direction of imports', () => {
  const unplaced = [...files].filter((file) => mayImport[folderOf(file)] === undefined);
  assert.deepEqual(unplaced, []);
});

test('imports go in one direction', () => {
  const wrong = own.filter(({ from, to }) => {
    const [importer, imported] = [folderOf(from), folderOf(to)];
    return importer !== imported && mayImport[importer]?.includes(imported) !== true;
  });
  assert.deepEqual(wrong.map(arrow), []);
});

test('sources, transforms and sinks never import one another', () => {
  const components = ['sources', 'transforms', 'sinks'];
  // A component may be spread over files in a folder of its own name; across such folders nothing is shared.
  const wrong = own.filter(
    ({ from, to }) =>
      components.includes(folderOf(from)) && components.includes(folderOf(to)) && componentOf(from) !== componentOf(to),
  );
  assert.deepEqual(wrong.map(arrow), []);
});

test('only connections/ imports database drivers and API clients', () => {
  const wrong = imports.filter(({ from, to, isOwn }) => !isOwn && isDriver(to) && folderOf(from) !== 'connections');
  assert.deepEqual(wrong.map(arrow), []);
});

test('formats, models, tree and mappings touch no files, sockets or clocks', () => {
  const wrong = imports.filter(
    ({ from, to, isOwn }) =>
      !isOwn &&
      isBuiltin(to) &&
      pure.includes(folderOf(from)) &&
      !computes.includes(to) &&
      !pureExceptions.includes(from),
  );
  assert.deepEqual(wrong.map(arrow), []);
});

test('imports name files that are there, with their ending, and built-ins with node:', () => {
  const wrong = imports.filter(({ to, isOwn }) =>
    isOwn ? !files.has(to) && !to.endsWith('.json') : builtinModules.includes(to),
  );
  assert.deepEqual(wrong.map(arrow), []);
});

/** `src/sources/jsonl.ts` → `sources`; the files directly in src/ are the core, but for those that name the components. */
function folderOf(file: string): string {
  if (file === 'src/index.ts' || file === 'src/components.ts') return 'registry';
  const [, folder = '', rest] = file.split('/');
  return rest === undefined ? 'core' : folder;
}

/** `src/sources/jsonl.ts` → itself; `src/sinks/bundle/writer.ts` and `src/sinks/bundle.ts` → `src/sinks/bundle`. */
function componentOf(file: string): string {
  const parts = file.replace(/\.ts$/, '').split('/');
  return parts.slice(0, 3).join('/');
}

function isDriver(name: string): boolean {
  return drivers.includes(name) || name.startsWith('@langchain/');
}

function isBuiltin(name: string): boolean {
  return name.startsWith('node:');
}

function arrow({ from, to }: Import): string {
  return `${from} → ${to}`;
}
