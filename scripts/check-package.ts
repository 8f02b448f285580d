// Packs the package as `npm publish` would and looks at the tarball: what is in it, whether its entry points resolve
// (publint) and whether their types do (are-the-types-wrong).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** The command, the library, its parts that are not code, and what a package has to have. */
const needed = [
  'bin/etl.js',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/testing/index.js',
  'dist/testing/index.d.ts',
  'dist/cli/main.js',
  'wasm/json-scan.wasm',
  'wasm/bson-json.wasm',
  'wasm/document-scan.wasm',
  'wasm/copy-json.wasm',
  'wasm/deflate.wasm',
  'wasm/xxhash64.wasm',
  'schema/pipeline.schema.json',
  'companion/threadmill-companion.mjs',
  'companion/threadmill_companion.py',
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
];
const unwanted = /^(?:src|test|bench|assembly|scripts|docs|examples|\.ci)\/|\.tsbuildinfo$|\.built$|\.log$|\.tgz$/;

const folder = mkdtempSync(join(tmpdir(), 'etl-pack-'));
try {
  run(process.execPath, '--import', 'tsx', 'scripts/build.ts', '--if-stale');
  // `prepare` would only build it again.
  const [packed] = JSON.parse(
    run('npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as Packed[];
  if (packed === undefined) throw new Error('npm pack gave nothing');
  const tarball = join(folder, packed.filename);
  const paths = packed.files.map(({ path }) => path);
  const problems = [
    ...needed.filter((path) => !paths.includes(path)).map((path) => `missing in the tarball: ${path}`),
    ...paths.filter((path) => unwanted.test(path)).map((path) => `not for the tarball: ${path}`),
  ];
  for (const problem of problems) console.error(problem);
  console.log(`${paths.length} files, ${(packed.size / 1e3).toFixed(0)} kB packed`);
  console.log(run('publint', '--strict', tarball));
  // The package is ESM only; resolution by old CommonJS rules is not offered.
  console.log(run('attw', tarball, '--profile', 'esm-only', '--no-emoji', '--format', 'ascii'));
  if (problems.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (error !== undefined) throw error;
  if (status !== 0) {
    console.error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
    process.exitCode = 1;
  }
  return stdout;
}
