import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** A LangGraph server of the tests. */
export interface TestLanggraph {
  readonly url: string;
  readonly runtime: 'js' | 'python';
  /** The server process, for tests that stop it or look at what it uses. */
  readonly process: ChildProcess;
  close(): Promise<void>;
}

/**
 * A server in a child process that leads a group of its own, once it says its address. It does not keep this process alive,
 * and ends with it at the latest; its folder goes with it.
 */
export async function serverProcess(
  child: ChildProcess,
  runtime: TestLanggraph['runtime'],
  folder: string,
  address: (signal: AbortSignal) => Promise<string>,
): Promise<TestLanggraph> {
  const gone = once(child, 'exit');
  const kill = (): void => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', kill);
  child.unref();
  unrefStream(child.stdin);
  const close = async (): Promise<void> => {
    process.removeListener('exit', kill);
    child.ref();
    kill();
    if (child.exitCode === null && child.signalCode === null) await gone;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const waiting = new AbortController();
  const ended = gone.then(([code]) => Promise.reject(new Error(`the LangGraph server ended with ${String(code)}`)));
  ended.catch(() => undefined);
  try {
    const url = await Promise.race([address(waiting.signal), ended]);
    return { url, runtime, process: child, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    waiting.abort();
  }
}

/** A pipe keeps the process alive; it is a socket, which the type does not say. */
export function unrefStream(stream: unknown): void {
  (stream as Socket | null)?.unref();
}

/**
 * The arguments for `spawn` that run a command in a group of its own, which ends with the command, and when nobody holds the
 * standard input open any more: when this process was killed.
 */
export function inOwnGroup(file: string, args: readonly string[]): readonly ['sh', readonly string[]] {
  return ['sh', ['-c', '("$0" "$@"; kill -9 0) & cat >/dev/null; kill -9 0', file, ...args]];
}

/** The environment of a server that neither traces nor reports what it does, and knows no keys of ours. */
export function quietEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return {
    PATH,
    HOME,
    LOG_LEVEL: 'error',
    NODE_ENV: 'development',
    LANGSMITH_TRACING: 'false',
    LANGCHAIN_TRACING_V2: 'false',
    LANGGRAPH_CLI_NO_ANALYTICS: '1',
    ...more,
  };
}
