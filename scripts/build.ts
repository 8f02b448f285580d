// Builds what the package ships besides sources: wasm/ from assembly/, dist/ from src/.
// `--if-stale` does only what is older than its sources.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
// Folders count too: their time changes when a file is removed or renamed.
const stamp = 'dist/.built';

const wasm = readdirSync('assembly')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `wasm/${basename(name, '.ts')}.wasm`);
const everything = !process.argv.includes('--if-stale');

if (everything || newest('assembly', 'scripts/build-wasm.ts') > Math.min(...wasm.map(modified))) {
  node('--import', 'tsx', 'scripts/build-wasm.ts');
}
if (everything || newest('src', 'tsconfig.json', 'tsconfig.build.json') > modified(stamp)) {
  const started = new Date();
  rmSync('dist', { recursive: true, force: true });
  node(tsc, '-p', 'tsconfig.build.json');
  writeFileSync(stamp, `${started.toISOString()}\n`);
}

function node(...args: readonly string[]): void {
  const { status, error } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function modified(path: string): number {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newest(...paths: readonly string[]): number {
  const inside = paths
    .filter((path) => statSync(path).isDirectory())
    .flatMap((path) => readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => `${path}/${name}`));
  return Math.max(...[...paths, ...inside].map(modified));
}
