import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jsonBatch } from '../../src/batch.ts';
import { encodeJsonRecords } from '../../src/formats/json-records.ts';
import { pipeline, type PipelineOptions } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import type { Source, Transform } from '../../src/stage.ts';
import { arraySource, Store, storeSink } from '../helpers/memory.ts';

/** What a transform makes of records, run in a whole pipeline. */
export interface Result {
  readonly records: readonly unknown[];
  readonly counts: RunReport['counts'];
  readonly rejects: RunReport['rejects'];
}

/** Runs transforms over records in memory. */
export async function run(
  records: readonly unknown[],
  transforms: readonly Transform<unknown, unknown>[],
  { batchSize = 2, onReject = 'stop' }: { batchSize?: number; onReject?: PipelineOptions['onReject'] } = {},
): Promise<Result> {
  const store = new Store<unknown>();
  let stages = pipeline(arraySource(records, { batchSize }), { name: 'test', onReject });
  for (const transform of transforms) stages = stages.through(transform);
  const report = await stages.to(storeSink(store)).run();
  return { records: store.records, counts: report.counts, rejects: report.rejects };
}

/** A folder of the caller's own, for as long as it is used. */
export async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-test-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A way to break a run: where the source fails, or after how many records the sink does. */
export interface Break {
  readonly failAt?: number | undefined;
  readonly failAfter?: number | undefined;
}

/**
 * Runs transforms over records, breaking each attempt as told and going on from the last commit, until it is finished.
 * `directory` is where the stages keep their files in between.
 */
export async function runBroken(
  records: readonly unknown[],
  transforms: () => readonly Transform<unknown, unknown>[],
  breaks: readonly Break[],
  {
    batchSize = 2,
    commitEvery = 1,
    directory,
    json = false,
    onReject = 'stop',
  }: {
    batchSize?: number;
    commitEvery?: number;
    directory?: string;
    json?: boolean;
    onReject?: PipelineOptions['onReject'];
  },
): Promise<Result> {
  const store = new Store<unknown>();
  store.directory = directory;
  let report: RunReport | undefined;
  for (const { failAt, failAfter } of [...breaks, {}] as Break[]) {
    const source = arraySource(records, { batchSize, ...(failAt === undefined ? {} : { failAt }) });
    let stages = pipeline(json ? asJson(source) : source, { name: 'test', onReject });
    for (const transform of transforms()) stages = stages.through(transform);
    const sink = storeSink(store, { commitEvery, ...(failAfter === undefined ? {} : { failAfter }) });
    report = await stages.to(sink).run().catch(expected);
  }
  if (report === undefined) throw new Error('the last attempt failed');
  return { records: store.records, counts: report.counts, rejects: report.rejects };
}

/** The same source, its records as JSON text. */
export function asJson(source: Source<unknown>): Source<unknown> {
  return {
    ...source,
    async *read(ctx) {
      for await (const { records, ...details } of source.read(ctx))
        yield jsonBatch(encodeJsonRecords(records), details);
    },
  };
}

function expected(error: unknown): undefined {
  const text = error instanceof Error ? error.message : String(error);
  if (!/the source broke|the disk is full/.test(text)) throw error;
  return undefined;
}
