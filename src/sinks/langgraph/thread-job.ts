import { isDeepStrictEqual } from 'node:util';

import { isAnswer, isTaken } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import { headOf, namespaceOf, type HistoryEntry, type ThreadRecord } from '../../models/langgraph.ts';
import { compareThread, type ThreadFidelity } from '../../models/langgraph-fidelity.ts';
import { rawOf } from '../../models/langgraph-raw.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';
import { AddedChannels } from './added-channels.ts';
import { relationOf, stateRelation, type Relation } from './compare-threads.ts';
import { isOfConversation, refuseOther } from './other-conversation.ts';
import { pairedSummaries } from './paired-summaries.ts';
import type { TargetServer } from './target-server.ts';
import type { ThreadToWrite, ThreadWriter, WrittenThread } from './thread-writer.ts';

/** What to do with a thread that is on the target already. */
export type IfThreadExists = 'skip' | 'continue' | 'replace' | 'fail';

/** A way of writing threads. */
export interface WriteMode {
  readonly name: 'state' | 'history' | 'full' | 'postgres';
  /** Whether checkpoints keep their ids, so that writing them again changes nothing. */
  readonly keepsIds: boolean;
  writer(thread: ThreadToWrite): ThreadWriter;
  /** Looks at what became of a thread; true when something was learned by which it comes out better. */
  learn?(
    record: ThreadRecord,
    ids: ReadonlyMap<string, string> | undefined,
    target: readonly EntrySummary[],
  ): Promise<boolean>;
  /** The last touch to a thread that is whole. True when it changed something. */
  settle?(thread: ThreadToWrite, source: readonly EntrySummary[], target: readonly EntrySummary[]): Promise<boolean>;
}

export interface JobOptions {
  readonly server: TargetServer;
  readonly mode: WriteMode;
  readonly ifExists: IfThreadExists;
  readonly verify: boolean;
  /** For threads that do not say which graph they are of. */
  readonly graphId: string | undefined;
  readonly signal: AbortSignal;
  /** Told before anything is written of a thread, and when it turns out to be somebody else's. */
  readonly begun: { add(threadId: string): void; remove(threadId: string): void };
}

export interface JobOutcome {
  readonly kind: 'written' | 'skipped';
  readonly checkpoints: number;
  /** Of a thread that was there already. */
  readonly relation?: Relation | undefined;
  readonly fidelity?: ThreadFidelity | undefined;
  readonly losses?: ReadonlyMap<string, number>;
  /** Channels that the graph of the target adds. */
  readonly added?: ReadonlySet<string>;
}

/** An outcome with what it was found by. */
type Proven = JobOutcome & {
  readonly source?: readonly EntrySummary[];
  readonly target?: readonly EntrySummary[];
  /** Source id → target id, where they differ. */
  readonly ids?: ReadonlyMap<string, string> | undefined;
};

const maxAttempts = 4;

/**
 * Brings one thread that is whole to the target.
 *
 * @param isThere Whether the target has a thread of this id.
 * @param isOurs Whether an earlier attempt of this run began to write it.
 * @throws what the server answered, after what was written of the thread is removed.
 */
export async function writeThread(
  record: ThreadRecord,
  { isThere, isOurs }: { isThere: boolean; readonly isOurs: boolean },
  options: JobOptions,
): Promise<JobOutcome> {
  const { server, mode, begun, signal } = options;
  const thread = { ...threadToWrite(record, options), raw: rawOf(record, server.runtime), isWhole: true };
  let mayDelete = isOurs || !isThere;
  for (let attempt = 1; ; attempt++) {
    let existing: readonly EntrySummary[] | undefined;
    let relation: Relation | undefined;
    if (isThere) {
      if (isOfConversation(thread.metadata)) await refuseOther(thread.threadId, thread.metadata, server);
      const added = new AddedChannels(record.history);
      const entries = await server.entries(thread.threadId, { subgraphs: false });
      const there = entries.map((entry) => summarizeEntry(added.without(entry)));
      const source = record.history.map((entry) => summarizeEntry(entry));
      relation = (mode.name === 'state' ? stateRelation : relationOf)(source, there);
      const todo = decide(relation, options, isOurs && attempt === 1, thread.threadId);
      if (todo === 'done' && !isOurs) return { kind: 'skipped', relation, checkpoints: 0 };
      // Somebody went on with it before its commit: writing it anew would take that away.
      if (todo === 'done' && relation === 'ahead' && mode.keepsIds)
        return await proven(record, record.history, {}, options);
      if (todo === 'replace') {
        mayDelete = true;
        await server.delete(thread.threadId);
      } else existing = there;
    }
    const wentOn = existing !== undefined && relation === 'ahead';
    if (wentOn) mayDelete = false;
    try {
      if (!isOurs && mayDelete) begun.add(thread.threadId);
      const writer = mode.writer({ ...thread, existing });
      await writer.add(record.history);
      const finished = await writer.finish();
      const metadata = finished.metadata ?? (await server.row(thread.threadId))?.metadata ?? {};
      const written = { ...finished, metadata, wentOn };
      const outcome = await proven(record, record.history, written, options);
      const { source = [], target = [] } = outcome;
      if (mayDelete && attempt < maxAttempts && (await mode.learn?.(record, outcome.ids, target)) === true) {
        await server.delete(thread.threadId);
        isThere = false;
        continue;
      }
      const isSettled = !wentOn && (await mode.settle?.(thread, source, target)) === true;
      return isSettled ? await proven(record, record.history, written, options) : outcome;
    } catch (error) {
      signal.throwIfAborted();
      if (isTaken(error)) {
        begun.remove(thread.threadId);
        isThere = await isSeen(server, thread.threadId, error);
        mayDelete = false;
        continue;
      }
      throw mayDelete && isAboutThread(error) ? await undone(thread.threadId, error, options) : error;
    }
  }
}

/** What went wrong with a thread, when what was written of it is deleted; that it could not be, is said with it. */
export async function undone(
  threadId: string,
  error: unknown,
  { server, signal }: Pick<JobOptions, 'server' | 'signal'>,
): Promise<unknown> {
  try {
    await server.delete(threadId);
    return error;
  } catch (other) {
    signal.throwIfAborted();
    if (!(error instanceof EtlError && other instanceof EtlError)) return error;
    const what = `${error.message}; what was written of the thread could not be deleted: ${other.message}`;
    return new EtlError(error.code, what, {
      where: error.where,
      hint: `Delete the thread on the target before it is tried again. ${error.hint}`,
      cause: error.cause,
    });
  }
}

/** Whether an error leaves a thread half written: the server refused it, gave no answer to it, or does not have what was written. */
export function isAboutThread(error: unknown): boolean {
  if (isAnswer(error)) return true;
  return error instanceof EtlError && (error.code === 'ETL_CONNECT_FAILED' || error.code === 'ETL_CONFIG_INVALID');
}

/** What to write of a record, or of the first of several parts. */
export function threadToWrite(
  record: ThreadRecord,
  { graphId: otherwise }: Pick<JobOptions, 'graphId'>,
): Omit<ThreadToWrite, 'isWhole'> {
  const { thread_id: threadId, thread, origin } = record;
  const metadata = thread.metadata ?? {};
  const named = metadata['graph_id'] ?? headOf(record)?.metadata?.['graph_id'] ?? otherwise;
  const graphId = typeof named === 'string' && named !== '' ? named : undefined;
  if (graphId === undefined && record.history.length > 0) {
    throw new EtlError('ETL_RECORD_INVALID', 'the thread does not say which graph it is of', {
      where: { record: threadId },
      hint: 'Name the graph for such threads: `graphId` (--graph-id).',
    });
  }
  // The servers read the graph from the metadata: without it a thread has no history.
  return { threadId, metadata: graphId === undefined ? metadata : { ...metadata, graph_id: graphId }, graphId, origin };
}

function decide(
  relation: Relation,
  { ifExists, mode, server }: JobOptions,
  isHalf: boolean,
  threadId: string,
): 'done' | 'replace' | 'continue' {
  if (relation === 'same' && (ifExists !== 'fail' || isHalf)) return 'done';
  // What this run began itself is nobody else's.
  if (isHalf && relation !== 'ahead') return relation === 'behind' && mode.name !== 'state' ? 'continue' : 'replace';
  if (isHalf || ifExists === 'skip') return 'done';
  if (ifExists === 'replace') return 'replace';
  if (ifExists === 'continue' && relation === 'ahead') return 'done';
  if (ifExists === 'continue' && relation === 'behind') return mode.name === 'state' ? 'replace' : 'continue';
  const what = {
    same: 'is on the target already',
    behind: 'is on the target already, with the beginning of its history',
    ahead: 'is on the target already, and went on there',
    different: 'is on the target already, with another history',
  }[relation];
  throw new EtlError('ETL_RECORD_INVALID', `the thread ${what}`, {
    where: { file: server.where, record: threadId },
    hint: 'Choose what becomes of such threads: `ifExists: skip | continue | replace` (--if-exists).',
  });
}

/**
 * What was written as it is on the target now, compared with the source.
 *
 * @param history The source's checkpoints, or, of a thread that was never whole, their summaries.
 */
export async function proven(
  { thread_id: threadId, thread }: Pick<ThreadRecord, 'thread_id' | 'thread'>,
  history: readonly HistoryEntry[] | { readonly summaries: readonly EntrySummary[] },
  {
    order,
    source: translated,
    losses = new Map<string, number>(),
    metadata,
    wentOn = false,
  }: Partial<WrittenThread> & { readonly wentOn?: boolean },
  { server, mode, verify }: JobOptions,
): Promise<Proven> {
  const counted = new Map(losses);
  const changed = changedKeys(thread.metadata ?? {}, metadata);
  if (changed > 0) counted.set('metadata of the thread', changed);
  const count = 'summaries' in history ? history.summaries.length : history.length;
  const outcome = { kind: 'written', checkpoints: order?.length ?? count, losses: counted } as const;
  if (!verify) return outcome;
  const reading = { subgraphs: mode.keepsIds };
  const summaries = translated ?? ('summaries' in history ? history.summaries : undefined);
  let sides: { readonly source: readonly EntrySummary[]; readonly target: readonly EntrySummary[] };
  let ids: ReadonlyMap<string, string> | undefined;
  const added = new AddedChannels('summaries' in history ? [] : history);
  if (summaries === undefined && !('summaries' in history)) {
    const entries = await server.entries(threadId, reading);
    const own = entries.filter((entry) => namespaceOf(entry) === '').map(({ checkpoint }) => checkpoint.checkpoint_id);
    ids = order === undefined ? undefined : idsOf(order, own, { threadId, server, wentOn });
    sides = pairedSummaries(history, entries, (id) => (ids === undefined ? id : ids.get(id)), added);
  } else {
    const target = await server.summaries(threadId, reading);
    const own = target.filter(({ ns }) => ns === '').map(({ id }) => id);
    ids = order === undefined ? undefined : idsOf(order, own, { threadId, server, wentOn });
    sides = { source: summaries ?? [], target };
  }
  const wanted = mode.name === 'state' ? sides.source.filter(({ ns }) => ns === '').slice(-1) : sides.source;
  const fidelity = compareThread(threadId, wanted, sides.target, ids === undefined ? {} : { idMap: ids });
  refuseLost(fidelity, { server, mode });
  return { ...outcome, fidelity, ...sides, ids, added: added.names };
}

/**
 * Checkpoints that were written without a complaint, and that the server does not have.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` when a database has them all and the server none; else `ETL_REQUEST_FAILED`.
 */
function refuseLost(
  { thread_id: threadId, checkpoints, subgraphs }: ThreadFidelity,
  { server, mode }: Pick<JobOptions, 'server' | 'mode'>,
): void {
  const wanted = checkpoints.source - subgraphs.source;
  const found = checkpoints.paired - subgraphs.paired;
  if (found >= wanted) return;
  const where = { file: server.where, record: threadId };
  const what = `${wanted} checkpoints of the thread were written, and ${found} of them are there`;
  if (mode.name !== 'postgres' || found > 0) throw new EtlError('ETL_REQUEST_FAILED', what, { where });
  throw new EtlError('ETL_CONFIG_INVALID', `${what}: the server does not read this database`, {
    where,
    hint: "Name the database that the target server keeps its checkpoints in: `database`, --database-url or LANGGRAPH_DATABASE_URL. The thread's rows in the one named now are of no use.",
  });
}

/** The target's id of each source checkpoint: they lie in the order in which they were made. */
function idsOf(
  order: readonly (string | undefined)[],
  own: readonly string[],
  { threadId, server, wentOn }: { threadId: string; server: TargetServer; wentOn: boolean },
): ReadonlyMap<string, string> {
  // One more is there when the end had to be marked.
  if (own.length < order.length || (own.length > order.length + 1 && !wentOn)) {
    throw new EtlError(
      'ETL_REQUEST_FAILED',
      `${order.length} checkpoints were written, and the target has ${own.length}`,
      { where: { file: server.where, record: threadId } },
    );
  }
  return new Map(order.flatMap((id, index) => (id === undefined ? [] : [[id, own[index] ?? '']])));
}

/** How many keys of the metadata the server did not take over as they were. */
function changedKeys(
  wanted: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>> | undefined,
): number {
  if (given === undefined) return 0;
  return Object.keys(wanted).filter((key) => !isDeepStrictEqual(wanted[key], given[key])).length;
}

/** Whether a thread that is in the way can be seen with our key. @throws {EtlError} `ETL_REQUEST_FAILED` when it cannot. */
export async function isSeen(server: TargetServer, threadId: string, error: unknown): Promise<true> {
  if ((await server.row(threadId)) !== undefined) return true;
  throw new EtlError('ETL_REQUEST_FAILED', 'the thread exists on the target, and belongs to somebody else there', {
    where: { file: server.where, record: threadId },
    hint: "Use the key of a service, or of the user whose thread it is: the target's own authentication hides it.",
    cause: error instanceof EtlError ? error.cause : error,
  });
}
