import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';

import { buildFerretdb } from './build.ts';

/** A FerretDB 1.24 on SQLite, with no data in it. */
export async function startFerretdb(): Promise<{ readonly uri: string; readonly close: () => Promise<void> }> {
  const command = await buildFerretdb();
  const directory = await mkdtemp(join(tmpdir(), 'etl-ferretdb-'));
  const port = await freePort();
  const child = spawn(command, [`127.0.0.1:${port}`, directory], {
    stdio: 'ignore',
    env: { ...process.env, DO_NOT_TRACK: '1' },
  });
  const gone = once(child, 'exit');
  // It must not keep a test process alive, nor outlive it.
  child.unref();
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const close = async (): Promise<void> => {
    process.removeListener('exit', kill);
    child.ref();
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await gone;
    await rm(directory, { recursive: true, force: true });
  };
  const uri = `mongodb://127.0.0.1:${port}/`;
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 30_000 });
  try {
    await client.db('admin').command({ ping: 1 });
  } catch (error) {
    await close();
    throw error;
  } finally {
    await client.close();
  }
  return { uri, close };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
