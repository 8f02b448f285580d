import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline as nodePipeline } from 'node:stream/promises';

import { optionsSchema } from '../config/option-info.ts';
import type { ConfiguredPipeline } from '../config/load-pipeline.ts';
import { EtlError, systemCode } from '../errors.ts';
import { fileLedger } from '../ledger/file.ts';
import { identityOf, type PipelinePlan } from '../plan.ts';
import { runPipeline } from '../run.ts';
import type { RunOptions } from '../run-options.ts';
import type { Batch, Sink, Source } from '../stage.ts';
import { readRejects, type RejectEntry } from './reject-file.ts';

const batchSize = 500;

/** What became of the rejected records. */
export interface RetryReport {
  readonly status: 'finished' | 'stopped';
  readonly retried: number;
  readonly written: number;
  /** Still in the reject file: rejected again, or by the source, which has to be read anew for them. */
  readonly left: number;
  readonly leftBySource: number;
}

/**
 * Sends the records of a reject file through the stages again, from the one that rejected them, into the same target, and
 * takes those that get through out of the file.
 *
 * The run that rejected them must be finished. Killed anywhere and repeated, each record is written once: the retry has a
 * journal of its own beside the reject file, and the file is replaced as a whole at the end.
 *
 * @throws {EtlError} `ETL_USAGE` when the pipeline keeps no rejects or its run is not finished; what goes wrong in the stages.
 */
export async function retryRejects(
  pipeline: ConfiguredPipeline,
  options: Pick<RunOptions, 'signal' | 'stopSignal' | 'onStart' | 'onCommit'> = {},
): Promise<RetryReport> {
  const { plan } = pipeline;
  const { onReject } = plan;
  if (onReject === 'stop')
    throw new EtlError('ETL_USAGE', 'this pipeline keeps no rejected records (`onReject: stop`)', {
      hint: 'set onReject: { to: FILE }',
    });
  // The lock of the run itself: nobody else writes into the target meanwhile.
  const ledger = plan.sink.ledger?.(identityOf(plan));
  const progress = await ledger?.open();
  try {
    if (ledger !== undefined && progress?.status !== 'finished') {
      throw new EtlError('ETL_USAGE', 'the run that rejected these records is not finished', {
        hint: `finish it first: etl run ${pipeline.file}`,
      });
    }
    return await retryAll(pipeline, onReject.to, options);
  } finally {
    await ledger?.close();
  }
}

interface Group {
  readonly stage: string;
  readonly records: number;
}

async function retryAll(pipeline: ConfiguredPipeline, file: string, options: RunOptions): Promise<RetryReport> {
  const digest = await digestOf(file);
  const folder = join(`${file}.retry`, digest);
  await removeOthers(dirname(folder), digest);
  const { groups, leftBySource, left: unknown } = await groupsOf(file, pipeline);
  let retried = 0;
  let written = 0;
  for (const { stage, records } of groups) {
    const { status, counts } = await runPipeline(retryPlan(pipeline, stage, { file, digest, folder }), options);
    if (status === 'stopped') return { status, retried, written, left: unknown + records, leftBySource };
    retried += records;
    written += counts.written;
  }
  const left = await replaceRejects(file, groups, folder);
  await rm(dirname(folder), { recursive: true, force: true });
  return { status: 'finished', retried, written, left, leftBySource };
}

/** The stages that can take their rejected records again, in the order of the pipeline. */
async function groupsOf(
  file: string,
  { stages }: ConfiguredPipeline,
): Promise<{ groups: Group[]; leftBySource: number; left: number }> {
  const counts = new Map<string, number>();
  for await (const { stage } of readRejects(file)) counts.set(stage, (counts.get(stage) ?? 0) + 1);
  const [source, ...others] = stages.map(({ name }) => name);
  const groups = others
    .flatMap((stage) => ({ stage, records: counts.get(stage) ?? 0 }))
    .filter(({ records }) => records > 0);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const taken = groups.reduce((sum, { records }) => sum + records, 0);
  return { groups, leftBySource: counts.get(source ?? '') ?? 0, left: all - taken };
}

interface RetryPlace {
  readonly file: string;
  readonly digest: string;
  readonly folder: string;
}

function retryPlan(pipeline: ConfiguredPipeline, stage: string, place: RetryPlace): PipelinePlan {
  const { plan, stages } = pipeline;
  const from = stages.findIndex(({ name }) => name === stage) - 1;
  const directory = stageFolder(place.folder, stage);
  return {
    name: `${plan.name}/retry`,
    source: rejectedRecords(place.file, stage, place.digest),
    // Under the names of the whole pipeline, so that what is rejected again can be tried again.
    transforms: plan.transforms
      .map((transform, index) => ({ ...transform, name: stages[index + 1]?.name ?? transform.name }))
      .slice(from),
    sink: appendingSink(pipeline, directory),
    onReject: { to: join(directory, 'rejects.jsonl') },
  };
}

/** The records that one stage rejected; the cursor is the line of the last one given. */
function rejectedRecords(file: string, wanted: string, digest: string): Source<unknown> {
  return {
    role: 'source',
    name: 'rejects',
    config: { file, stage: wanted, digest },
    async *read({ cursor, signal }) {
      const done = typeof cursor === 'number' ? cursor : 0;
      let entries: RejectEntry[] = [];
      for await (const entry of readRejects(file)) {
        signal.throwIfAborted();
        if (entry.stage !== wanted || entry.line <= done) continue;
        entries.push(entry);
        if (entries.length < batchSize) continue;
        yield batchOf(entries);
        entries = [];
      }
      if (entries.length > 0) yield batchOf(entries);
    },
  };
}

function batchOf(entries: readonly RejectEntry[]): Batch<unknown> {
  return {
    records: entries.map(({ record }) => record),
    bytes: entries.reduce((sum, { text }) => sum + text.length, 0),
    cursor: entries.at(-1)?.line,
    at: (index) => entries[index]?.at ?? '',
  };
}

/** The pipeline's sink, adding to what is there. A progress that it keeps in files is kept apart from the finished run's. */
function appendingSink({ stages }: ConfiguredPipeline, directory: string): Sink<unknown> {
  const configured = stages.at(-1);
  if (configured?.component.role !== 'sink') throw new EtlError('ETL_USAGE', 'this pipeline has no sink');
  const { component, options } = configured;
  const canAppend = optionsSchema(component).properties?.['ifExists'] !== undefined;
  const sink = component.create(canAppend ? { ...options, ifExists: 'append' } : options) as Sink<unknown>;
  const { ledger } = sink;
  if (ledger === undefined) return sink;
  return {
    ...sink,
    ledger(run) {
      const own = ledger(run);
      return own.directory === undefined ? own : fileLedger(directory);
    },
  };
}

/** Writes the reject file anew: what was not tried again, and what was rejected again. Gives how many records are left. */
async function replaceRejects(file: string, groups: readonly Group[], folder: string): Promise<number> {
  const tried = new Set(groups.map(({ stage }) => stage));
  const next = `${file}.next`;
  const output = await open(next, 'w', 0o600);
  let left = 0;
  try {
    for await (const { stage, text } of readRejects(file)) {
      if (tried.has(stage)) continue;
      await output.write(`${text}\n`);
      left += 1;
    }
    for (const { stage } of groups) {
      for await (const { text } of readRejects(join(stageFolder(folder, stage), 'rejects.jsonl'))) {
        await output.write(`${text}\n`);
        left += 1;
      }
    }
    await output.datasync();
  } finally {
    await output.close();
  }
  await rename(next, file);
  return left;
}

function stageFolder(folder: string, stage: string): string {
  return join(folder, basename(stage));
}

/** A retry of another reject file that was broken off after the file was replaced has nothing left to do. */
async function removeOthers(parent: string, digest: string): Promise<void> {
  const names = await readdir(parent).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) if (name !== digest) await rm(join(parent, name), { recursive: true });
}

async function digestOf(file: string): Promise<string> {
  const exists = await stat(file).catch(() => undefined);
  const hash = createHash('sha256');
  if (exists !== undefined) await nodePipeline(createReadStream(file), hash);
  return hash.digest('hex').slice(0, 16);
}
