import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { checkpointId, type StubFault, type StubRequest } from './stub.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A thread as the stub keeps it: checkpoints oldest first. */
interface WrittenThread {
  readonly metadata: Fields;
  readonly history: WrittenCheckpoint[];
}

export interface WrittenCheckpoint {
  readonly id: string;
  readonly parent: string | undefined;
  readonly values: Fields;
  readonly nodes: readonly string[];
  /** What a Command said comes next. */
  readonly goto?: readonly string[] | undefined;
}

export interface WritingStub {
  readonly url: string;
  readonly requests: readonly StubRequest[];
  readonly threads: ReadonlyMap<string, WrittenThread>;
  close(): Promise<void>;
}

/**
 * An HTTP server in this process that takes threads as the LangGraph API does, for one graph `desk` whose node `work` leads to
 * itself: lists of messages are added to, every other channel holds its last value. With `fault` it answers otherwise; a fault
 * that begins with `after-` comes when the request has taken effect.
 */
export async function startWritingStub({
  fault = () => undefined,
  isQuiet = false,
  defaults = {},
}: {
  readonly fault?: (request: StubRequest) => StubFault | 'after-reset' | undefined;
  /** Channels that the graph gives every state. */
  readonly defaults?: Fields;
  /** Keeps no list of requests, for benches. */
  readonly isQuiet?: boolean;
} = {}): Promise<WritingStub> {
  const requests: StubRequest[] = [];
  const threads = new Map<string, WrittenThread>();
  let made = 0;
  let number = 0;
  const server = createServer((incoming, response) => {
    void handle(incoming, response);
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    number += 1;
    const request: StubRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      body: text === '' ? {} : (JSON.parse(text) as Fields),
      headers: incoming.headers,
      number,
    };
    if (!isQuiet) requests.push(request);
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
    const [status, body] = answer(request);
    if (found === 'after-reset') {
      response.destroy();
      return;
    }
    const json = Buffer.from(JSON.stringify(body));
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': json.length });
    response.end(json);
  }

  function answer({ method, path, body }: StubRequest): readonly [status: number, body: unknown] {
    if (path === '/info') return [200, { version: '1.5.1', context: 'js' }];
    if (path === '/assistants/desk/graph') return [200, graph];
    if (path.startsWith('/assistants/')) return [404, { error: 'no such graph' }];
    if (path === '/threads/search') {
      const { ids = [] } = body as { readonly ids?: readonly string[] };
      return [200, ids.filter((id) => threads.has(id)).map((id) => ({ thread_id: id }))];
    }
    if (path === '/threads') return create(body);
    const [, id = '', what = ''] = /^\/threads\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
    const thread = threads.get(id);
    if (thread === undefined) return [404, { error: `Thread ${id} not found` }];
    if (method === 'DELETE') {
      threads.delete(id);
      return [204, ''];
    }
    if (what === 'history') return [200, historyOf(id, thread, body)];
    if (what === 'state' && method === 'POST') {
      const { as_node, values, checkpoint } = body as unknown as Update & {
        readonly checkpoint: { readonly checkpoint_id: string };
      };
      const added = add(thread, [{ as_node, values }], checkpoint.checkpoint_id);
      return [200, { checkpoint: { thread_id: id, checkpoint_ns: '', checkpoint_id: added } }];
    }
    if (what === 'state') return [200, { values: thread.history.at(-1)?.values ?? {} }];
    if (what.startsWith('state/')) return [200, checkpointOf(id, thread, what.slice('state/'.length))];
    return [200, { thread_id: id, metadata: thread.metadata, status: 'idle' }];
  }

  function create(body: Fields): readonly [number, unknown] {
    const { thread_id: id, metadata, supersteps = [], if_exists } = body as unknown as Creation;
    if (threads.has(id) && if_exists !== 'do_nothing') return [409, { error: 'Thread already exists' }];
    const thread = threads.get(id) ?? { metadata, history: [] };
    threads.set(id, thread);
    for (const { updates } of supersteps) {
      if (updates.some(({ as_node }) => as_node === 'nowhere')) return [500, 'Internal Server Error'];
      add(thread, updates, thread.history.at(-1)?.id);
    }
    return [200, { thread_id: id, metadata: thread.metadata, status: 'idle' }];
  }

  function add({ history }: WrittenThread, updates: readonly Update[], parent: string | undefined): string {
    made += 1;
    const id = checkpointId(made);
    const before = history.find((checkpoint) => checkpoint.id === parent)?.values ?? defaults;
    const values = updates.reduce<Fields>(
      (state, update) => updated(state, update.command?.update ?? update.values),
      before,
    );
    history.push({ id, parent, values, nodes: updates.map(({ as_node }) => as_node), goto: updates[0]?.command?.goto });
    return id;
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

interface Update {
  readonly as_node: string;
  readonly values?: Fields | null | undefined;
  readonly command?: { readonly update: Fields; readonly goto: readonly string[] };
}

interface Creation {
  readonly thread_id: string;
  readonly metadata: Fields;
  readonly supersteps?: readonly { readonly updates: readonly Update[] }[];
  readonly if_exists?: string;
}

const graph = {
  nodes: [{ id: '__start__' }, { id: 'work' }, { id: '__end__' }],
  edges: [
    { source: '__start__', target: 'work' },
    { source: 'work', target: 'work', conditional: true },
    { source: 'work', target: '__end__', conditional: true },
  ],
};

function updated(state: Fields, update: Fields | null | undefined): Fields {
  const next: Record<string, unknown> = { ...state };
  for (const [name, value] of Object.entries(update ?? {})) {
    if (name !== 'messages' || !Array.isArray(value)) {
      next[name] = value;
      continue;
    }
    const [first, ...rest] = value as readonly { readonly id?: string }[];
    const before = (state[name] ?? []) as readonly unknown[];
    next[name] = first?.id === '__remove_all__' ? rest : [...before, ...(value as readonly unknown[])];
  }
  return next;
}

function historyOf(id: string, { history }: WrittenThread, body: Fields): unknown {
  const { limit = 10, before } = body as { readonly limit?: number; readonly before?: string };
  return history
    .filter((checkpoint) => before === undefined || checkpoint.id < before)
    .slice(-limit)
    .reverse()
    .map((checkpoint, index) => entryOf(id, checkpoint, index === 0 && before === undefined));
}

function checkpointOf(id: string, { history }: WrittenThread, checkpointId: string): unknown {
  const found = history.find((checkpoint) => checkpoint.id === checkpointId);
  return found === undefined ? { values: {}, next: [], tasks: [] } : entryOf(id, found, found === history.at(-1));
}

function entryOf(id: string, { id: checkpoint_id, parent, values, goto }: WrittenCheckpoint, isHead: boolean): unknown {
  return {
    values,
    next: goto ?? (isHead ? [] : ['work']),
    tasks: [],
    metadata: { source: 'update', step: 0 },
    created_at: '2026-01-01T00:00:00.000Z',
    checkpoint: { thread_id: id, checkpoint_ns: '', checkpoint_id },
    parent_checkpoint: parent === undefined ? null : { thread_id: id, checkpoint_ns: '', checkpoint_id: parent },
  };
}
