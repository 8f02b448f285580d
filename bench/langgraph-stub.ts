// The server of the LangGraph bench, in a process of its own: as little of HTTP as the client needs, answers made beforehand.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(import.meta.url);

/** Checkpoints of each thread. */
export const checkpoints = 10;

/** Starts it with so many threads of ten checkpoints, about 20 KB each; gives its address. */
export async function startLanggraphStub(threads: number): Promise<string> {
  const child = fork(file, [String(threads)]);
  process.once('exit', () => child.kill('SIGKILL'));
  const [url] = (await once(child, 'message')) as [string];
  child.unref();
  child.channel?.unref();
  return url;
}

/** The id of thread `number`. */
export function threadId(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

function row(number: number): object {
  const created_at = new Date(Date.UTC(2026, 0, 1) + number * 10).toISOString();
  const metadata = { graph_id: 'desk', owner: `user-${number % 97}`, title: `Thread ${number}` };
  return { thread_id: threadId(number), created_at, updated_at: created_at, metadata, status: 'idle', config: {} };
}

/** A history, newest first: a message of 300 characters more in each checkpoint. */
function history(): object[] {
  const id = (step: number): string => `1f000000-0000-6000-8000-${step.toString(16).padStart(12, '0')}`;
  const messages = Array.from({ length: checkpoints }, (_, step) => ({
    type: step % 2 === 0 ? 'human' : 'ai',
    id: `m${step}`,
    content: `${step} ${'word '.repeat(56)}`,
    additional_kwargs: {},
    response_metadata: {},
  }));
  return Array.from({ length: checkpoints }, (_, step) => ({
    values: { messages: messages.slice(0, step + 1), turns: step },
    next: step === checkpoints - 1 ? [] : ['work'],
    tasks: [],
    metadata: { source: 'loop', step: step - 1, parents: {}, graph_id: 'desk' },
    created_at: '2026-01-01T00:00:00.000Z',
    checkpoint: { thread_id: threadId(0), checkpoint_id: id(step), checkpoint_ns: '', checkpoint_map: null },
    parent_checkpoint: step === 0 ? null : { checkpoint_id: id(step - 1), checkpoint_ns: '' },
  })).reverse();
}

function answerOf(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Answers one request after the other on a connection. */
function serve(socket: Socket, answer: (head: string, body: string) => Buffer): void {
  let waiting = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    waiting += chunk.toString('latin1');
    for (;;) {
      const end = waiting.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = waiting.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (waiting.length < end + 4 + length) return;
      socket.write(answer(head, waiting.slice(end + 4, end + 4 + length)));
      waiting = waiting.slice(end + 4 + length);
    }
  });
}

/** A thread as a record, as the export gives it. */
export function threadRecord(number: number): string {
  const entries = history().reverse();
  const record = {
    schema: 'threadmill/langgraph-thread@1',
    thread_id: threadId(number),
    thread: row(number),
    origin: { runtime: 'js', version: '1.5.1' },
    history: entries,
  };
  return JSON.stringify(record);
}

/** What `etl langgraph import` asks besides reading: the graph, which threads are there (none), and how channels behave. */
function writing(): (head: string, body: string) => Buffer | undefined {
  const graph = answerOf({ nodes: [{ id: '__start__' }, { id: 'work' }], edges: [{ source: 'work', target: 'work' }] });
  const state = answerOf({ values: { messages: [], turns: { __overwrite__: 1 } } });
  const none = answerOf([]);
  const created = answerOf({ thread_id: threadId(0), metadata: row(0) });
  return (head, body) => {
    if (head.startsWith('POST /threads ')) return created;
    if (head.startsWith('DELETE ') || (head.startsWith('POST ') && head.includes('/state '))) return none;
    if (head.includes('/search ') && body.startsWith('{"ids"')) return none;
    if (head.includes('/state ')) return state;
    return head.startsWith('GET /assistants/desk/') ? graph : undefined;
  };
}

function main(threads: number): void {
  const written = writing();
  const info = answerOf({ version: '1.5.1', context: 'js' });
  const count = answerOf(threads);
  const page = answerOf(history());
  const search = (body: string): Buffer => {
    const { offset, limit } = JSON.parse(body) as { readonly offset: number; readonly limit: number };
    const rows = Array.from({ length: Math.max(0, Math.min(limit, threads - offset)) }, (_, i) => row(offset + i));
    return answerOf(rows);
  };
  const server = createServer((socket) => {
    serve(socket, (head, body) => {
      const own = written(head, body);
      if (own !== undefined) return own;
      if (head.includes('/history ')) return page;
      if (head.includes('/search ')) return search(body);
      return head.includes('/count ') ? count : info;
    });
  });
  server.listen(0, '127.0.0.1', () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  process.on('disconnect', () => process.exit());
}

if (process.argv[1] === file) main(Number(process.argv[2]));
