// The server of the PostgreSQL benches, in a process of its own: the settings are the server's defaults. Ends with its parent.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(import.meta.url);

/** Starts it; gives the connection string of its database `postgres`. `POSTGRES_URL` names another server. */
export async function startPostgresServer(): Promise<string> {
  const given = process.env['POSTGRES_URL'];
  if (given !== undefined) return given;
  const child = fork(file);
  const [url] = (await once(child, 'message')) as [string];
  // The bench may end while it runs; it sees that its parent is gone, and stops the server.
  child.unref();
  child.channel?.unref();
  return url;
}

if (process.argv[1] === file) {
  // Only here: the package listens for messages from its parent, which keeps a process alive.
  const { startEmbeddedPostgres } = await import('../test/helpers/embedded-postgres.ts');
  const server = await startEmbeddedPostgres();
  process.on('disconnect', () => {
    void server.close().then(() => process.exit());
  });
  process.send?.(server.url('postgres'));
}
