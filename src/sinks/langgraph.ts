import { setMaxListeners } from 'node:events';
import { join } from 'node:path';

import { z } from 'zod';

import { defineSink } from '../component.ts';
import { companionName } from '../connections/langgraph-companion.ts';
import {
  langgraphPatienceOptions,
  langgraphRateOptions,
  langgraphServerOptions,
} from '../connections/langgraph-options.ts';
import { langgraphAddress, openLanggraph } from '../connections/langgraph.ts';
import { ThrowawayThreads } from '../connections/langgraph-throwaway.ts';
import { folderLedger } from '../files/target-ledger.ts';
import type { Json } from '../json.ts';
import { collectSooner } from '../collect-sooner.ts';
import { exactThreads } from '../models/exact-threads.ts';
import type { ThreadRecord } from '../models/langgraph.ts';
import { shortFileName } from '../short-file-name.ts';
import type { Batch, Commit, Sink, StageContext } from '../stage.ts';
import { account } from './langgraph/account.ts';
import { AsideFile } from './langgraph/aside-file.ts';
import { BegunThreads } from './langgraph/begun-threads.ts';
import { chooseMode, describeMode } from './langgraph/choose-mode.ts';
import { removeShells, shellsText } from './langgraph/empty-shells.ts';
import { FidelityReport } from './langgraph/fidelity-report.ts';
import type { QueuedBatch } from './langgraph/queued-batch.ts';
import { TargetServer } from './langgraph/target-server.ts';
import { ThreadQueue } from './langgraph/thread-queue.ts';

const positive = z.int().positive();

const options = z.strictObject({
  ...langgraphServerOptions('LANGGRAPH_TARGET_URL'),
  mode: z
    .enum(['auto', 'state', 'history', 'full', 'postgres'])
    .default('auto')
    .describe(
      'What is restored: the last state; every checkpoint, made again by the API; every checkpoint as it was, by the companion graph; or the same, written into the tables of the checkpointer. `auto`: the best the target offers.',
    ),
  ifExists: z
    .enum(['skip', 'continue', 'replace', 'fail'])
    .default('skip')
    .describe(
      'A thread whose id the target has: leave it alone, write what it lacks when it has the beginning of the history, delete it there and write it anew, or reject it. One with the same history is left alone.',
    ),
  companion: z
    .string()
    .min(1)
    .default(companionName)
    .describe('Name under which the companion graph is deployed on the target, for `full`.'),
  database: z
    .strictObject({
      connectionString: z
        .string()
        .min(1)
        .describe("The target's database, with the tables of the checkpointer.")
        .meta({ secret: true, examples: ['${LANGGRAPH_DATABASE_URL}'] }),
      schema: z.string().min(1).default('public').describe('The schema with these tables.'),
    })
    .optional()
    .describe('For `postgres`: where the checkpointer of the target keeps its tables.'),
  verify: z
    .boolean()
    .default(true)
    .describe(
      'Read every thread back and compare it, checkpoint by checkpoint. The report sums up what is not the same.',
    ),
  fidelityReport: z
    .string()
    .min(1)
    .optional()
    .describe('A file for one line of JSON a thread: what is the same on the target, and why not.')
    .meta({ examples: ['./fidelity.jsonl'] }),
  graphId: z.string().min(1).optional().describe('The graph of threads that do not say which one they are of.'),
  channels: z
    .record(z.string(), z.enum(['last', 'reducer', 'messages', 'append', 'sum']))
    .optional()
    .describe('How channels take updates, where trying it out on the target goes wrong.')
    .meta({ examples: [{ log: 'append' }] }),
  rearm: z
    .boolean()
    .default(false)
    .describe(
      'For `history`: ask the pending questions again, by a run of the node that asks. It runs the code of that node up to the question.',
    ),
  concurrency: positive.max(256).default(8).describe('Threads that are written at the same time.'),
  ...langgraphRateOptions,
  ...langgraphPatienceOptions,
});
export type LanggraphSinkOptions = z.input<typeof options>;
type Options = z.output<typeof options>;

/** For tests: a connection that is not a server's, or a more impatient one; and where the progress is kept. */
interface Parts {
  readonly connect?: typeof openLanggraph;
  readonly progressFolder?: string;
  readonly retryBaseMs?: number;
}

/**
 * Restores threads on a LangGraph API server, under their own ids, with their metadata and as much of their history as the
 * target lets in.
 *
 * `full` and `postgres` keep everything: checkpoint ids, times, metadata, forks, subgraphs, pending questions. `history` makes
 * every checkpoint again, with its values, parents and next nodes, under new ids. Each thread is read back and compared; what
 * is not the same is counted. A thread that the target refuses is rejected with its answer, and nothing is left of it. The
 * same command again goes on; threads that are there are compared, and never written twice.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` for a mode that the target does not offer, `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`;
 *   `ETL_RECORD_REJECTED` under the pipeline's policy.
 */
export function langgraphSink(
  input: LanggraphSinkOptions,
  { connect = openLanggraph, progressFolder = '.etl', retryBaseMs = 250 }: Parts = {},
): Sink<ThreadRecord> {
  const given = options.parse(input);
  const { where } = langgraphAddress(given.apiUrl);
  const { mode, ifExists, companion, database, graphId, channels, rearm, verify, fidelityReport } = given;
  return {
    role: 'sink',
    name: 'langgraph',
    config: JSON.parse(
      JSON.stringify({
        where,
        mode,
        ifExists,
        companion,
        schema: database?.schema,
        graphId,
        channels,
        rearm,
        verify,
        fidelityReport,
      }),
    ) as Json,
    // No `ifExists` for the engine, which refuses samples under `replace`: it is threads that are replaced, one by one.
    ledger: ({ pipeline }) =>
      folderLedger(
        join(progressFolder, shortFileName(`${pipeline}-langgraph-${where.replace(/^https?:\/\//, '')}`, 120)),
      ),
    async check(signal) {
      const connection = await connect({ ...given, signal, attempts: 2 });
      try {
        const { runtime, version = 'of unknown version' } = connection.info;
        const kind = { js: 'JavaScript', python: 'Python', unknown: 'unknown' }[runtime];
        const server = new TargetServer(connection, { attempts: 2, retryBaseMs }, signal);
        return `${where}: LangGraph API ${version} (${kind}), ${await describeMode(server, given)}`;
      } finally {
        await connection.close();
      }
    },
    write: (batches, ctx) => write(batches, ctx, given, { connect, retryBaseMs }),
  };
}

async function* write(
  batches: AsyncIterable<Batch<unknown>>,
  ctx: StageContext,
  given: Options,
  { connect, retryBaseMs }: Required<Omit<Parts, 'progressFolder'>>,
): AsyncGenerator<Commit> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([ctx.signal, stopping.signal]);
  // Each request under way listens.
  setMaxListeners(0, signal);
  const onRetry = ({ message, code }: { message: string; code: string }): void =>
    ctx.warn(`${message} (${code}); trying again`);
  const connection = await connect({ ...given, signal: ctx.signal, onRetry, keepsNumbers: true });
  // What comes with numbers that JavaScript does not keep.
  const kept = connection.info.runtime === 'js' ? 'digits' : 'forms';
  const server = new TargetServer(connection, { attempts: given.attempts, retryBaseMs }, signal);
  const folder = await ctx.directory();
  const begun = await BegunThreads.open(folder);
  const throwaway = await ThrowawayThreads.open(connection, folder, ctx.signal);
  // What this sink left with its last commit: the length of the report.
  const resumed = ctx.cursor as { readonly report: number } | undefined;
  const report =
    given.fidelityReport === undefined
      ? undefined
      : await FidelityReport.open(given.fidelityReport, resumed?.report ?? 0);
  const chosen = await chooseMode(server, throwaway, given, signal);
  const { mode } = chosen;
  const collectLater = collectSooner();
  const aside = new AsideFile(join(folder, 'aside'));
  const queue = new ThreadQueue({ ...given, server, mode, begun, aside, signal, graphId: given.graphId });
  async function commit(queued: QueuedBatch): Promise<Commit> {
    const { records, lines } = await account(queued, mode.name, ctx, report !== undefined);
    await queued.release();
    const length = lines === '' ? undefined : await report?.add(lines);
    const state = length === undefined ? {} : { state: { report: length } };
    return { records, cursor: queued.batch.cursor, ...state };
  }
  try {
    for await (const batch of batches) {
      await queue.add(exactThreads(batch, kept), batch);
      for (const queued of queue.settled()) yield await commit(queued);
    }
    for await (const queued of queue.drain({ halted: ctx.halted })) yield await commit(queued);
  } finally {
    stopping.abort();
    collectLater();
    await queue.close();
    await aside.close();
    await chosen.close();
    await begun.close();
    await throwaway.close((message) => ctx.warn(message));
    const reconnect = (ending: AbortSignal): ReturnType<typeof connect> =>
      connect({ ...given, attempts: 2, timeoutMs: Math.min(given.timeoutMs, 3_000), signal: ending });
    const left = begun.open.length === 0 ? undefined : await removeShells(begun.open, { connect: reconnect, folder });
    if (left !== undefined) ctx.warn(shellsText(left));
    await report?.close();
    await connection.close();
  }
}

export const langgraphSinkComponent = defineSink({
  type: 'langgraph',
  summary: 'Threads on a LangGraph server, with as much of their history as it lets in',
  details:
    'Threads keep their ids, metadata and owners. `full` needs the companion graph on the target (see docs/langgraph-companion.md), `postgres` the database of its checkpointer; `history` needs nothing. ' +
    'Every thread is read back and compared. Threads that are there are compared by their history before anything is decided.',
  accepts: 'thread',
  options,
  examples: [
    'type: langgraph\napiUrl: http://localhost:2024',
    'type: langgraph\napiUrl: https://agent.example.org\napiKey: ${LANGSMITH_API_KEY}\nmode: history\nifExists: continue\nfidelityReport: ./fidelity.jsonl',
  ],
  create: langgraphSink,
});
