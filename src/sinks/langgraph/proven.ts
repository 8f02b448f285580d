import { isDeepStrictEqual } from 'node:util';

import { EtlError } from '../../errors.ts';
import { namespaceOf, type HistoryEntry, type ThreadRecord } from '../../models/langgraph.ts';
import type { KnownEntry } from '../../models/langgraph-record-text.ts';
import { compareThread, sameThread, type ThreadFidelity } from '../../models/langgraph-fidelity.ts';
import type { EntrySummary } from '../../models/langgraph-summary.ts';
import { AddedChannels } from './added-channels.ts';
import { pairedSummaries } from './paired-summaries.ts';
import type { TargetServer } from './target-server.ts';
import type { JobOptions, JobOutcome, RestoredThread } from './write-mode.ts';
import type { WrittenThread } from './thread-writer.ts';

/** An outcome, and what it was found by, where anything is to be learned from it. */
interface Proven {
  readonly outcome: JobOutcome;
  readonly restored: RestoredThread;
}

/** A thread that is whole: its checkpoints, and their texts, where they came as text. */
interface WholeHistory {
  readonly history: readonly HistoryEntry[];
  readonly texts?: readonly KnownEntry[] | undefined;
}

/** A thread that was never whole: its checkpoints, and what knows the channels they have. */
export interface SummarizedHistory {
  readonly summaries: readonly EntrySummary[];
  readonly added: AddedChannels;
}

/**
 * What was written as it is on the target now, compared with the source.
 *
 * @param given The source's checkpoints, or, of a thread that was never whole, their summaries.
 */
export async function proven(
  { thread_id: threadId, thread }: Pick<ThreadRecord, 'thread_id' | 'thread'>,
  given: WholeHistory | SummarizedHistory,
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
  const count = 'summaries' in given ? given.summaries.length : given.history.length;
  const checkpoints = order?.length ?? count;
  const outcome: JobOutcome = { kind: 'written', checkpoints, losses: counted };
  if (!verify) return { outcome, restored: {} };
  const added = 'summaries' in given ? given.added : new AddedChannels(given.history);
  const written = { order, translated, wentOn, added };
  const restored = await compared(threadId, given, written, { server, mode });
  const { fidelity } = restored;
  if (fidelity !== undefined) refuseLost(fidelity, { server, mode });
  return { outcome: { ...outcome, fidelity, added: added.names }, restored };
}

/** How the target's checkpoints compare with the source's. */
async function compared(
  threadId: string,
  given: WholeHistory | SummarizedHistory,
  {
    order,
    translated,
    wentOn,
    added,
  }: {
    readonly order: WrittenThread['order'] | undefined;
    readonly translated: readonly EntrySummary[] | undefined;
    readonly wentOn: boolean;
    readonly added: AddedChannels;
  },
  { server, mode }: Pick<JobOptions, 'server' | 'mode'>,
): Promise<RestoredThread> {
  const reading = { subgraphs: mode.keepsIds };
  const summaries = translated ?? ('summaries' in given ? given.summaries : undefined);
  let sides: { readonly source: readonly EntrySummary[]; readonly target: readonly EntrySummary[] };
  let ids: ReadonlyMap<string, string> | undefined;
  if (summaries === undefined && !('summaries' in given)) {
    const { history } = given;
    const entries = await server.history.entries(threadId, { ...reading, known: given.texts });
    if (mode.name !== 'state' && areSame(history, entries, order))
      return { fidelity: sameThread(threadId, history.map(namespaceOf)) };
    const own = entries.filter((entry) => namespaceOf(entry) === '').map(({ checkpoint }) => checkpoint.checkpoint_id);
    ids = order === undefined ? undefined : idsOf(order, own, { threadId, server, wentOn });
    sides = pairedSummaries(history, entries, (id) => (ids === undefined ? id : ids.get(id)), added);
  } else {
    const target = await server.history.summaries(threadId, { ...reading, as: (entry) => added.without(entry) });
    const own = target.filter(({ ns }) => ns === '').map(({ id }) => id);
    ids = order === undefined ? undefined : idsOf(order, own, { threadId, server, wentOn });
    sides = { source: summaries ?? [], target };
  }
  const wanted = mode.name === 'state' ? sides.source.filter(({ ns }) => ns === '').slice(-1) : sides.source;
  const fidelity = compareThread(threadId, wanted, sides.target, ids === undefined ? {} : { idMap: ids });
  return { fidelity, ids, ...sides };
}

/**
 * Whether the target has each of these checkpoints in its place, in the same words: a checkpoint whose text is the same is the
 * same object.
 */
function areSame(
  history: readonly HistoryEntry[],
  entries: readonly HistoryEntry[],
  order: readonly (string | undefined)[] = history.map(({ checkpoint }) => checkpoint.checkpoint_id),
): boolean {
  if (entries.length !== history.length || order.length !== history.length) return false;
  return history.every((entry, index) => entry === entries[index] && order[index] === entry.checkpoint.checkpoint_id);
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
  const ids = new Map<string, string>();
  for (const [index, id] of order.entries()) if (id !== undefined) ids.set(id, own[index] ?? '');
  return ids;
}

/** How many keys of the metadata the server did not take over as they were. */
function changedKeys(
  wanted: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>> | undefined,
): number {
  if (given === undefined) return 0;
  return Object.keys(wanted).filter((key) => wanted[key] !== given[key] && !isDeepStrictEqual(wanted[key], given[key]))
    .length;
}
