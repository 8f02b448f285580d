import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const cache = join(here, '../../../node_modules/.cache/threadmill');

/**
 * The FerretDB of the tests, built with Go when it has not been built before (about 80 s, and 36 MB to download; a second
 * once it is cached). Rejects where there is no Go, or the modules cannot be had.
 */
export async function buildFerretdb(): Promise<string> {
  const target = join(cache, `ferretdb-${digest()}`);
  if (existsSync(target)) return target;
  await mkdir(cache, { recursive: true });
  // Several test files may build at once: each for itself, and the last one wins.
  const own = `${target}.${process.pid}`;
  await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', own, '.'], {
    cwd: here,
    timeout: 600_000,
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  await rename(own, target);
  return target;
}

function digest(): string {
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(here, name)));
  return hash.digest('hex').slice(0, 12);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildFerretdb());
