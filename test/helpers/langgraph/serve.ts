// A process of its own: the JavaScript LangGraph server with the graphs of the tests. Says its address in one line.
// Arguments: a folder for its state, and JSON { graphs: { name: "file:export" }, withAuth }.
import { join } from 'node:path';

import { startServer } from '@langchain/langgraph-api/server';

const [folder = '.', text = '{}'] = process.argv.slice(2);
const { graphs = {}, withAuth = false } = JSON.parse(text) as {
  readonly graphs?: Readonly<Record<string, string>>;
  readonly withAuth?: boolean;
};

// The server writes its whole store to disk three seconds after any call, and does nothing else for seconds meanwhile.
const later = globalThis.setTimeout;
globalThis.setTimeout = ((run: () => void, ms?: number, ...rest: unknown[]) =>
  ms === 3000 && run.toString().includes('persist') ? undefined : later(run, ms, ...rest)) as typeof setTimeout;

const own = (name: string): string => `${join(import.meta.dirname, 'graphs.ts')}:${name}`;
const { host } = await startServer({
  host: '127.0.0.1',
  port: 0,
  nWorkers: 4,
  cwd: folder,
  graphs: { desk: own('desk'), deep_desk: own('deepDesk'), workshop: own('workshop'), ...graphs },
  ...(withAuth ? { auth: { path: `${join(import.meta.dirname, 'auth.ts')}:auth` } } : {}),
});
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${host.split(':').at(-1)}` })}\n`);
process.on('SIGTERM', () => process.exit(0));
