import { z } from 'zod';

import { jsonBatch } from '../batch.ts';
import { defineTransform } from '../component.ts';
import { companionName, hasGraph, runCompanion } from '../connections/langgraph-companion.ts';
import { ThrowawayThreads } from '../connections/langgraph-throwaway.ts';
import { isAnswer } from '../connections/langgraph-errors.ts';
import { ThreadFaults } from '../connections/langgraph-thread-faults.ts';
import { langgraphAddress, openLanggraph, type LanggraphConnection } from '../connections/langgraph.ts';
import { EtlError } from '../errors.ts';
import { asBuffer, gatherJsonRecords, type JsonRecords } from '../formats/json-records.ts';
import type { Json } from '../json.ts';
import type { RawThread, RawTuple, ThreadWithRaw } from '../models/langgraph-raw.ts';
import type { ThreadRecord } from '../models/langgraph.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';

const positive = z.int().positive();

const options = z.strictObject({
  apiUrl: z
    .string()
    .min(1)
    .describe('Address of the LangGraph API server that the threads are from.')
    .meta({ examples: ['http://localhost:2024'] }),
  apiKey: z.string().min(1).optional().describe('Key of the deployment, sent as `x-api-key`.').meta({ secret: true }),
  headers: z
    .record(z.string(), z.string())
    .optional()
    .describe('Further headers, for a deployment with authentication of its own.')
    .meta({ secret: true }),
  companion: z
    .string()
    .min(1)
    .default(companionName)
    .describe('Name under which the companion graph is deployed there.'),
  isRequired: z
    .boolean()
    .default(true)
    .describe('Whether it is a mistake when the companion graph is not deployed. Else threads pass as they are.'),
  threads: positive.max(500).default(50).describe('Threads asked for in one run of the companion graph.'),
  timeoutMs: positive.default(300_000).describe('Longest wait for a run of the companion graph.'),
});
export type LanggraphRawOptions = z.input<typeof options>;

/**
 * Adds to threads what their checkpointer holds, in the server's own serializer, by the companion graph on the source.
 *
 * What the API does not tell comes along that way: the input of Sends that wait, joins that are half done, private channels,
 * classes of Python. The `langgraph` sink writes it as it is when the target is a server of the same runtime. Threads that
 * come in several parts pass without it.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`; `ETL_CONFIG_INVALID` when the companion graph is not deployed.
 */
export function langgraphRaw(input: LanggraphRawOptions): Transform<ThreadRecord, ThreadWithRaw> {
  const given = options.parse(input);
  const { where } = langgraphAddress(given.apiUrl);
  const { companion, isRequired } = given;
  return {
    role: 'transform',
    name: 'langgraph-raw',
    config: { where, companion, isRequired } satisfies Json,
    async *apply(batches, ctx) {
      const connection = await openLanggraph({ ...given, concurrency: 2, signal: ctx.signal });
      let throwaway: ThrowawayThreads | undefined;
      try {
        const isThere = await hasGraph(connection, companion, ctx.signal);
        if (!isThere && isRequired) {
          throw new EtlError('ETL_CONFIG_INVALID', `no graph "${companion}" is deployed on the source`, {
            where: { file: where },
            hint: 'Deploy the companion graph there (docs/langgraph-companion.md), or leave out this stage.',
          });
        }
        throwaway = await ThrowawayThreads.open(connection, await ctx.directory(), ctx.signal);
        const faults = new ThreadFaults(connection, ctx.signal);
        const source = { connection, throwaway, faults, ...given };
        for await (const batch of batches) yield isThere ? await withRaw(batch, source, ctx) : batch;
      } finally {
        await throwaway?.close((message) => ctx.warn(message));
        await connection.close();
      }
    },
  };
}

interface RawSource {
  readonly connection: LanggraphConnection;
  readonly throwaway: ThrowawayThreads;
  readonly faults: ThreadFaults;
  readonly companion: string;
  readonly threads: number;
}

async function withRaw(
  batch: Batch<ThreadRecord>,
  source: RawSource,
  ctx: StageContext,
): Promise<Batch<ThreadWithRaw>> {
  const { connection, threads } = source;
  const { records, bytes, cursor, at } = batch;
  const wanted = records.filter(isAsked);
  // Threads are counted: a large one by its first part.
  const passed = records.filter((record) => !isAsked(record) && (record.part?.number ?? 1) === 1).length;
  if (passed > 0) ctx.finding('without the checkpointer’s own values: large or cut threads', passed, { batch });
  const found = new Map<string, readonly RawTuple[]>();
  for (let from = 0; from < wanted.length; from += threads) {
    const ids = wanted.slice(from, from + threads).map(({ thread_id: id }) => id);
    for (const [id, tuples] of await dump(source, ids, ctx)) found.set(id, tuples);
  }
  const { runtime } = connection.info;
  const raws = records.map(({ thread_id: id, history }): RawThread | undefined => {
    const tuples = found.get(id);
    // A thread that went on between the two readings would be two things at once.
    if (tuples === undefined || history.length === 0 || tuples.length !== history.length) return undefined;
    return { runtime, tuples };
  });
  const { json } = batch;
  if (json !== undefined) return jsonBatch(withMember(json, raws), { bytes, cursor, at });
  const changed = records.map((record, index) => {
    const raw = raws[index];
    return raw === undefined ? record : { ...record, raw };
  });
  return { records: changed, bytes, cursor, at };
}

/** Whether a thread is whole, so that what its checkpointer holds belongs to it. */
function isAsked({ part, limited }: ThreadRecord): boolean {
  return part === undefined && limited !== true;
}

/** The text of the records, which stays as it is, with one member more. */
function withMember(json: JsonRecords, raws: readonly (RawThread | undefined)[]): JsonRecords {
  const text = asBuffer(json.bytes);
  return gatherJsonRecords(
    raws.map((raw, index) => {
      const record = text.subarray(json.starts[index], json.ends[index]);
      if (raw === undefined) return record;
      return Buffer.concat([record.subarray(0, -1), Buffer.from(`,"raw":${JSON.stringify(raw)}}`)]);
    }),
  );
}

async function dump(
  source: RawSource,
  ids: readonly string[],
  ctx: StageContext,
): Promise<readonly (readonly [string, readonly RawTuple[]])[]> {
  const { connection, throwaway, faults, companion } = source;
  try {
    const input = { op: 'dump', threads: ids };
    const { threads } = await runCompanion(connection, throwaway, companion, input, ctx.signal);
    faults.passed();
    return Object.entries(threads as Readonly<Record<string, readonly RawTuple[]>>);
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (!isAnswer(error)) throw error;
    const [id, ...others] = ids;
    if (id === undefined) return [];
    if (others.length === 0) {
      await faults.ofThread(error);
      ctx.warn(`the companion graph cannot read thread ${id}; it goes as the API tells it`);
      return [];
    }
    const middle = Math.ceil(ids.length / 2);
    const halves = [ids.slice(0, middle), ids.slice(middle)];
    return [...(await dump(source, halves[0] ?? [], ctx)), ...(await dump(source, halves[1] ?? [], ctx))];
  }
}

export const langgraphRawComponent = defineTransform({
  type: 'langgraph-raw',
  summary: 'Adds to LangGraph threads what their checkpointer holds, which the API does not tell in full',
  details:
    'Needs the companion graph on the source (docs/langgraph-companion.md). With it, and a target of the same runtime, also the input of Sends that wait, half-done joins, private channels and Python’s own classes are kept.',
  accepts: 'thread',
  gives: 'thread',
  options,
  examples: ['type: langgraph-raw\napiUrl: http://localhost:2024'],
  create: langgraphRaw,
});
