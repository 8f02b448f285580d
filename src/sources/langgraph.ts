import { join } from 'node:path';

import { z } from 'zod';

import { defineSource } from '../component.ts';
import {
  langgraphPatienceOptions,
  langgraphRateOptions,
  langgraphServerOptions,
} from '../connections/langgraph-options.ts';
import { langgraphAddress, openLanggraph, type LanggraphConnection } from '../connections/langgraph.ts';
import { isDate } from '../is-date.ts';
import type { Json } from '../json.ts';
import type { ThreadRecord } from '../models/langgraph.ts';
import type { Source } from '../stage.ts';
import { countThreads } from './langgraph/thread-list.ts';
import { threadBatches } from './langgraph/thread-batches.ts';

const positive = z.int().positive();

const options = z.strictObject({
  ...langgraphServerOptions('LANGGRAPH_URL'),
  metadata: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Only threads whose metadata hold this.')
    .meta({ examples: [{ owner: 'ana' }, { graph_id: 'agent' }] }),
  status: z.enum(['idle', 'busy', 'interrupted', 'error']).optional().describe('Only threads in this state.'),
  ids: z.array(z.string().min(1)).min(1).optional().describe('Only these threads, in this order.'),
  since: z
    .string()
    .refine(isDate, 'expected a date, such as 2026-01-31 or 2026-01-31T08:00:00Z')
    .optional()
    .describe('Only threads that changed at this time or later.')
    .meta({ examples: ['2026-01-31'] }),
  historyLimit: positive.optional().describe('Only so many of the newest checkpoints of each thread. Default: all.'),
  subgraphs: z.boolean().default(true).describe('Read the checkpoints of subgraphs too.'),
  concurrency: positive.max(256).default(8).describe('Threads that are read at the same time.'),
  ...langgraphRateOptions,
  pageSize: positive.max(1000).default(100).describe('Checkpoints asked for at a time.'),
  partBytes: positive
    .default(4 * 1024 * 1024)
    .describe('A thread with more history than this is given as several records, one after the other.'),
  batchSize: positive.default(100).describe('Threads in a batch.'),
  batchBytes: positive.default(1024 * 1024).describe('A batch also ends with the thread that reaches this many bytes.'),
  ...langgraphPatienceOptions,
});
export type LanggraphSourceOptions = z.input<typeof options>;

/** For tests: a connection that is not a server's, or a more impatient one. */
interface Parts {
  readonly connect?: typeof openLanggraph;
}

/**
 * Reads threads from a LangGraph API server, oldest first, each with its whole history: every checkpoint of the thread and of
 * its subgraphs, pending questions included, exactly as the server gives them ({@link ThreadRecord}).
 *
 * Threads may be made, changed and deleted meanwhile: none that was there all the time is left out, none comes twice, and at
 * the end the number is compared with the server's. A thread that cannot be read (its graph is not deployed, it was deleted
 * meanwhile, the server fails on it) is rejected with the server's answer. Memory: `concurrency` threads of at most
 * `partBytes`; larger ones go by way of the disk. The cursor is the last thread: a resumed run begins with the next one.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID`, `ETL_CONNECT_FAILED` (also when the server limits the rate for too long),
 *   `ETL_AUTH_FAILED`, `ETL_REQUEST_FAILED` when threads cannot be listed; `ETL_RECORD_REJECTED` under the pipeline's policy.
 */
export function langgraphSource(
  input: LanggraphSourceOptions,
  { connect = openLanggraph }: Parts = {},
): Source<ThreadRecord> {
  const given = options.parse(input);
  const { where } = langgraphAddress(given.apiUrl);
  const { metadata, status, ids, since, historyLimit, subgraphs, partBytes } = given;
  const filter = { metadata, status };
  const source: Source<unknown> = {
    role: 'source',
    name: 'langgraph',
    config: JSON.parse(
      JSON.stringify({ where, metadata, status, ids, since, historyLimit, subgraphs, partBytes }),
    ) as Json,
    async *read(ctx) {
      const connection = await connect({
        ...given,
        signal: ctx.signal,
        onRetry: ({ message, code }) => ctx.warn(`${message} (${code}); trying again`),
      });
      let spilled = 0;
      try {
        yield* threadBatches(
          connection,
          {
            ...given,
            filter,
            spillPath: async () => join(await ctx.directory(), `thread-${(spilled += 1)}.json`),
          },
          ctx,
        );
      } finally {
        await connection.close();
      }
    },
    async estimate(signal) {
      const plan = `${where}: threads, oldest first, with all of their history`;
      if (ids !== undefined) return { records: ids.length, plan };
      return await withConnection(given, connect, signal, async (connection) => {
        const records = await countThreads(connection, filter, signal);
        return since === undefined ? { records, plan } : { plan };
      });
    },
    async check(signal) {
      return await withConnection(given, connect, signal, async (connection) => {
        const { runtime, version = 'of unknown version' } = connection.info;
        const kind = { js: 'JavaScript', python: 'Python', unknown: 'unknown' }[runtime];
        const count = await countThreads(connection, filter, signal);
        return `${where}: LangGraph API ${version} (${kind}), ${count ?? 'an unknown number of'} threads`;
      });
    },
  };
  // The records are text, put together from what the server gave in the shape of the type.
  return source as Source<ThreadRecord>;
}

async function withConnection<R>(
  given: z.output<typeof options>,
  connect: typeof openLanggraph,
  signal: AbortSignal,
  use: (connection: LanggraphConnection) => Promise<R>,
): Promise<R> {
  const connection = await connect({ ...given, signal, attempts: 2 });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

export const langgraphSourceComponent = defineSource({
  type: 'langgraph',
  summary: 'Threads of a LangGraph server, with their whole history',
  details:
    'Speaks to JavaScript and Python servers alike. Each record is one thread: its row and every checkpoint, subgraphs and pending questions included, ' +
    'exactly as the server gives them; `threads-to-conversations` makes a conversation of it. Threads are read oldest first, several at a time, while the server is in use. ' +
    'A thread that cannot be read is rejected with the answer of the server. The row’s `config` and the metadata are whatever callers put there: `redact` what must not travel.',
  gives: 'thread',
  options,
  examples: [
    'type: langgraph\napiUrl: http://localhost:2024',
    'type: langgraph\napiUrl: https://agent.example.org\napiKey: ${LANGSMITH_API_KEY}\nmetadata: { graph_id: agent }\nconcurrency: 16',
  ],
  create: langgraphSource,
});
