import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import { inOwnGroup, quietEnvironment, serverProcess, type TestLanggraph } from './server-process.ts';

const run = promisify(execFile);
const own = join(import.meta.dirname, 'python');
const cache = join(import.meta.dirname, '../../../node_modules/.cache/threadmill');

export interface PythonServerOptions {
  /** Further graphs: `name: "absolute file.py:name"`. */
  readonly graphs?: Readonly<Record<string, string>>;
  /** Keeps the checkpoints in this PostgreSQL database instead of in memory. */
  readonly checkpointUrl?: string;
  /** Keys `ana-key` and `ben-key`, each with threads of its own. */
  readonly withAuth?: boolean;
}

/**
 * A real Python LangGraph server with no threads in it, with the same graphs as the JavaScript one.
 *
 * Its packages are installed once, below `node_modules/.cache`. `ETL_LANGGRAPH_PYTHON` names a virtual environment that has
 * them already. Where there is no Python 3.11 or later, or its packages cannot be had, `skip` says so.
 */
export async function startLanggraphPython({
  graphs = {},
  checkpointUrl,
  withAuth = false,
}: PythonServerOptions = {}): Promise<TestLanggraph | { readonly skip: string }> {
  let environment: string;
  try {
    environment = await (installed ??= pythonEnvironment());
  } catch (error) {
    const reason = String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? '';
    return { skip: `no Python LangGraph server (ETL_LANGGRAPH_PYTHON names none): ${reason}` };
  }
  const folder = await mkdtemp(join(tmpdir(), 'etl-langgraph-'));
  await cp(own, folder, { recursive: true });
  const added: Record<string, string> = {};
  for (const [name, place] of Object.entries(graphs)) {
    const [file = '', graph = ''] = place.split(/:(?=[^:/\\]+$)/);
    await cp(file, join(folder, `${name}_graph.py`));
    added[name] = `./${name}_graph.py:${graph}`;
  }
  const config = {
    dependencies: ['.'],
    graphs: {
      desk: './graphs.py:desk',
      deep_desk: './graphs.py:deep_desk',
      workshop: './graphs.py:workshop',
      ...added,
    },
    ...(checkpointUrl === undefined ? {} : { checkpointer: { path: './saver.py:checkpointer' } }),
    ...(withAuth ? { auth: { path: './auth.py:auth' } } : {}),
    env: {},
  };
  await writeFile(join(folder, 'langgraph.json'), JSON.stringify(config));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const flags = ['--no-browser', '--no-reload', '--host', '127.0.0.1', '--port', String(port)];
  const child = spawn(...inOwnGroup(join(environment, 'bin/langgraph'), ['dev', ...flags]), {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: quietEnvironment({
      PATH: `${join(environment, 'bin')}:${process.env['PATH'] ?? ''}`,
      LANGGRAPH_DISABLE_FILE_PERSISTENCE: 'true',
      ...(checkpointUrl === undefined ? {} : { CHECKPOINT_URL: checkpointUrl }),
    }),
  });
  return await serverProcess(child, 'python', folder, async (signal) => {
    for (;;) {
      const answer = await fetch(`${url}/ok`, { signal }).catch(() => undefined);
      if (answer?.ok === true) return url;
      // Nothing tells when the port is open: it has to be tried.
      await delay(50, undefined, { signal });
    }
  });
}

let installed: Promise<string> | undefined;

/** A virtual environment with the packages, made when it is not there. */
async function pythonEnvironment(): Promise<string> {
  const given = process.env['ETL_LANGGRAPH_PYTHON'];
  if (given !== undefined && given !== '') return given;
  const requirements = await readFile(join(own, 'requirements.txt'), 'utf8');
  const python = await newEnoughPython();
  const mark = createHash('sha256').update(requirements).update(python).digest('hex').slice(0, 12);
  const folder = join(cache, `langgraph-python-${mark}`);
  const ready = join(folder, '.ready');
  if (existsSync(ready)) return folder;
  await mkdir(cache, { recursive: true });
  const lock = `${folder}.lock`;
  // Test files run at the same time, and one of them installs. A lock of a process that is gone is taken over.
  while (!(await takeLock(lock))) {
    if (existsSync(ready)) return folder;
    await delay(500);
  }
  try {
    if (existsSync(ready)) return folder;
    await rm(folder, { recursive: true, force: true });
    await run(python, ['-m', 'venv', folder]);
    const flags = ['-q', '--disable-pip-version-check', '--retries', '1', '--timeout', '15'];
    await run(join(folder, 'bin/pip'), ['install', ...flags, '-r', join(own, 'requirements.txt')]);
    await writeFile(ready, '');
    return folder;
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (holder > 0 && !isAlive(holder)) await rename(lock, `${lock}.${process.pid}`).catch(() => undefined);
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function newEnoughPython(): Promise<string> {
  const script = 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 is needed"; print(sys.executable)';
  const { stdout } = await run('python3', ['-c', script]);
  return stdout.trim();
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
