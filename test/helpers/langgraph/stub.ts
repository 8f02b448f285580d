import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { HistoryEntry, Runtime, ThreadRow } from '../../../src/models/langgraph.ts';

/** A thread of the stub. `history` is oldest first, of every namespace. */
export interface StubThread {
  readonly row: ThreadRow & { readonly created_at: string; readonly metadata: Readonly<Record<string, unknown>> };
  readonly history: readonly HistoryEntry[];
}

export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: IncomingMessage['headers'];
  /** From 1. */
  readonly number: number;
}

/** Another answer than the one that is right: a status with a body, or a way to break the connection. */
export type StubFault =
  | { readonly status: number; readonly text?: string; readonly headers?: Readonly<Record<string, string>> }
  /** The connection is closed without an answer; after half of the answer; or nothing ever comes. */
  | 'reset'
  | 'cut'
  | 'hang';

export interface LanggraphStub {
  readonly url: string;
  readonly requests: readonly StubRequest[];
  /** May be changed while it runs. */
  readonly threads: StubThread[];
  close(): Promise<void>;
}

/**
 * An HTTP server in this process that answers the reading part of the LangGraph API out of memory, in the form of either
 * runtime, and does what `fault` says instead when that gives something.
 */
export async function startStub({
  threads = [],
  runtime = 'js',
  fault = () => undefined,
}: {
  readonly threads?: StubThread[];
  readonly runtime?: Runtime;
  readonly fault?: (request: StubRequest) => StubFault | undefined;
} = {}): Promise<LanggraphStub> {
  const requests: StubRequest[] = [];
  const server = createServer((incoming, response) => {
    void handle(incoming, response);
  });
  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const request: StubRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      body: text === '' ? {} : (JSON.parse(text) as StubRequest['body']),
      headers: incoming.headers,
      number: requests.length + 1,
    };
    requests.push(request);
    const found = fault(request);
    if (found === 'hang') return;
    if (found === 'reset') {
      response.destroy();
      return;
    }
    if (typeof found === 'object') {
      response.writeHead(found.status, { 'content-type': 'application/json', ...found.headers });
      response.end(found.text ?? '');
      return;
    }
    const { status, body } = answer(request, threads, runtime);
    const json = Buffer.from(JSON.stringify(body));
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': json.length });
    if (found === 'cut') response.write(json.subarray(0, json.length >> 1), () => response.destroy());
    else response.end(json);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    threads,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const infos: Readonly<Record<Runtime, unknown>> = {
  js: { version: '1.5.1', context: 'js' },
  python: { version: '0.16.7', langgraph_py_version: '1.2.22' },
  unknown: { version: '9' },
};

function answer({ method, path, body }: StubRequest, threads: readonly StubThread[], runtime: Runtime): Answer {
  if (path === '/info') return { status: 200, body: infos[runtime] };
  const { metadata = {}, status, limit = 10, offset = 0 } = body as Search;
  const wanted = threads.filter(
    ({ row }) =>
      Object.entries(metadata ?? {}).every(([name, value]) => row.metadata[name] === value) &&
      (status === undefined || row.status === status),
  );
  if (path === '/threads/count') return { status: 200, body: wanted.length };
  if (path === '/threads/search') {
    const sorted = wanted.toSorted((a, b) => (a.row.created_at < b.row.created_at ? -1 : 1));
    return { status: 200, body: sorted.slice(offset, offset + limit).map(({ row }) => row) };
  }
  const [, id, what] = /^\/threads\/([^/]+)(\/history)?$/.exec(path) ?? [];
  const thread = threads.find(({ row }) => row.thread_id === id);
  if (thread === undefined) return { status: 404, body: `Thread ${id ?? path} not found` };
  if (what === undefined && method === 'GET')
    return { status: 200, body: { ...thread.row, values: { some: 'value' } } };
  return history(thread, body, runtime);
}

interface Search {
  readonly metadata?: Readonly<Record<string, unknown>> | null;
  readonly status?: string;
  readonly limit?: number;
  readonly offset?: number;
}

function history(thread: StubThread, body: StubRequest['body'], runtime: Runtime): Answer {
  const {
    limit = 10,
    before,
    checkpoint,
  } = body as {
    readonly limit?: number;
    readonly before?: unknown;
    readonly checkpoint?: { readonly checkpoint_ns?: string };
  };
  const takesText = runtime !== 'python';
  if (before !== undefined && (typeof before === 'string') !== takesText)
    return { status: takesText ? 400 : 422, body: 'before is in another form' };
  const id =
    typeof before === 'string'
      ? before
      : (before as { readonly configurable: { readonly checkpoint_id: string } } | undefined)?.configurable
          .checkpoint_id;
  const entries = thread.history
    .filter((entry) => (entry.checkpoint.checkpoint_ns ?? '') === (checkpoint?.checkpoint_ns ?? ''))
    .filter((entry) => id === undefined || entry.checkpoint.checkpoint_id < id)
    .toSorted((a, b) => (a.checkpoint.checkpoint_id < b.checkpoint.checkpoint_id ? 1 : -1));
  return { status: 200, body: entries.slice(0, limit) };
}

/** A checkpoint id that sorts by its number. */
export function checkpointId(number: number): string {
  return `1f000000-0000-6000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Thread `number` of a stub: `checkpoints` in a row, a message of `textLength` characters more in each. */
export function stubThread(
  number: number,
  { checkpoints = 3, textLength = 20, metadata = {} }: StubThreadOptions = {},
): StubThread {
  const id = `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
  const created = new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString();
  const messages = (count: number): unknown[] =>
    Array.from({ length: count }, (_, i) => ({
      type: i % 2 === 0 ? 'human' : 'ai',
      id: `m${i}`,
      content: `${i} ${'x'.repeat(textLength)}`,
    }));
  const history = Array.from({ length: checkpoints }, (_, step) => ({
    values: { messages: messages(step + 1) },
    next: step === checkpoints - 1 ? [] : ['work'],
    tasks: step === checkpoints - 1 ? [] : [{ id: `task-${step}`, name: 'work', interrupts: [] }],
    metadata: { source: step === 0 ? 'input' : 'loop', step: step - 1, parents: {} },
    created_at: new Date(Date.parse(created) + step).toISOString(),
    checkpoint: { thread_id: id, checkpoint_id: checkpointId(step), checkpoint_ns: '' },
    parent_checkpoint: step === 0 ? null : { thread_id: id, checkpoint_id: checkpointId(step - 1), checkpoint_ns: '' },
  }));
  return {
    row: {
      thread_id: id,
      created_at: created,
      updated_at: created,
      metadata: { number, graph_id: 'desk', ...metadata },
      status: 'idle',
    },
    history,
  };
}

interface StubThreadOptions {
  readonly checkpoints?: number;
  readonly textLength?: number;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Threads 0 up to `count`. */
export function stubThreads(count: number, options: StubThreadOptions = {}): StubThread[] {
  return Array.from({ length: count }, (_, number) => stubThread(number, options));
}
