import { httpStatusOf, isAnswer, isTaken } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import { shownAgain } from '../../mappings/conversation-to-thread-shown.ts';
import { headOf, type ThreadRecord } from '../../models/langgraph.ts';
import { rawOf } from '../../models/langgraph-raw.ts';
import { summarizeEntry, type EntrySummary } from '../../models/langgraph-summary.ts';
import { AddedChannels } from './added-channels.ts';
import { relationOf, stateRelation, type Relation } from './compare-threads.ts';
import { isOfConversation, refuseOther } from './other-conversation.ts';
import { proven } from './proven.ts';
import type { ReadRecord } from './queued-records.ts';
import type { TargetServer } from './target-server.ts';
import type { ThreadToWrite } from './thread-writer.ts';
import type { IfThreadExists, JobOptions, JobOutcome } from './write-mode.ts';

const maxAttempts = 4;

/**
 * Brings one thread that is whole to the target.
 *
 * @param isThere Whether the target has a thread of this id.
 * @param isOurs Whether an earlier attempt of this run began to write it.
 * @throws what the server answered, after what was written of the thread is removed.
 */
export async function writeThread(
  { record: given, bytes, texts }: ReadRecord,
  { isThere, isOurs }: { isThere: boolean; readonly isOurs: boolean },
  options: JobOptions,
): Promise<JobOutcome> {
  const { server, mode, begun, signal } = options;
  const thread = { ...threadToWrite(given, options), raw: rawOf(given, server.runtime), isWhole: true, bytes };
  let record = given;
  let mayDelete = isOurs || !isThere;
  for (let attempt = 1; ; attempt++) {
    let existing: readonly EntrySummary[] | undefined;
    let relation: Relation | undefined;
    if (isThere) {
      if (isOfConversation(thread.metadata)) await refuseOther(thread.threadId, thread.metadata, server);
      const added = new AddedChannels(given.history);
      const entries = await server.history.entries(thread.threadId, { subgraphs: false });
      const there = entries.map((entry) => summarizeEntry(added.without(entry)));
      record = shownAgain(given, there);
      const source = record.history.map((entry) => summarizeEntry(entry));
      relation = (mode.name === 'state' ? stateRelation : relationOf)(source, there);
      const wanted = decide(relation, options, isOurs && attempt === 1, thread.threadId);
      // Checkpoints that the API made again have other ids: beside the source's own they would be there twice.
      const todo = wanted === 'continue' && mode.keepsIds && !hasOwnIds(there, source) ? 'replace' : wanted;
      if (todo === 'done' && !isOurs) return { kind: 'skipped', relation, checkpoints: 0 };
      // Somebody went on with it before its commit: writing it anew would take that away.
      if (todo === 'done' && relation === 'ahead' && mode.keepsIds)
        return (await proven(record, { history: record.history, texts }, {}, options)).outcome;
      if (todo === 'replace') {
        record = given;
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
      const { outcome, restored } = await proven(record, { history: record.history, texts }, written, options);
      const { source = [], target = [] } = restored;
      if (mayDelete && attempt < maxAttempts && (await mode.learn?.(record, restored)) === true) {
        await server.delete(thread.threadId);
        isThere = false;
        continue;
      }
      const isSettled = !wentOn && (await mode.settle?.(thread, source, target)) === true;
      if (!isSettled) return outcome;
      return (await proven(record, { history: record.history, texts }, written, options)).outcome;
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
    // An id that is none for the server: it has nothing of this thread.
    if ([400, 422].includes(httpStatusOf(other) ?? 0)) return error;
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

/** Whether the target has checkpoints of the source under their own ids. Copies are not the source's. */
export function hasOwnIds(there: readonly EntrySummary[], source: readonly EntrySummary[]): boolean {
  const own = new Set(source.map(({ id }) => id));
  return there.every((entry) => entry.source === 'fork' || own.has(entry.id));
}

/** What becomes of a thread that somebody else has put on the target. */
export function chosenFor(
  relation: Relation,
  ifExists: IfThreadExists,
  isState: boolean,
): 'done' | 'replace' | 'continue' | 'refuse' {
  if (ifExists === 'fail') return 'refuse';
  if (relation === 'same' || ifExists === 'skip') return 'done';
  if (ifExists === 'replace') return 'replace';
  if (relation === 'ahead') return 'done';
  if (relation === 'different') return 'refuse';
  return isState ? 'replace' : 'continue';
}

function decide(
  relation: Relation,
  { ifExists, mode, server }: JobOptions,
  isHalf: boolean,
  threadId: string,
): 'done' | 'replace' | 'continue' {
  const isState = mode.name === 'state';
  // What this run began itself is nobody else's.
  if (isHalf) {
    if (relation === 'same' || relation === 'ahead') return 'done';
    return relation === 'behind' && !isState ? 'continue' : 'replace';
  }
  const chosen = chosenFor(relation, ifExists, isState);
  if (chosen !== 'refuse') return chosen;
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

/** Whether a thread that is in the way can be seen with our key. @throws {EtlError} `ETL_REQUEST_FAILED` when it cannot. */
export async function isSeen(server: TargetServer, threadId: string, error: unknown): Promise<true> {
  if ((await server.row(threadId)) !== undefined) return true;
  throw new EtlError('ETL_REQUEST_FAILED', 'the thread exists on the target, and belongs to somebody else there', {
    where: { file: server.where, record: threadId },
    hint: "Use the key of a service, or of the user whose thread it is: the target's own authentication hides it.",
    cause: error instanceof EtlError ? error.cause : error,
  });
}
