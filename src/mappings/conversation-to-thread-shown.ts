import type { Json } from '../json.ts';
import { headOf, type HistoryEntry, type ThreadRecord } from '../models/langgraph.ts';
import { summarizeEntry, type EntrySummary } from '../models/langgraph-summary.ts';
import { checkpointIdOf } from './conversation-to-thread-ids.ts';
import { markedConversation, THREAD_MARK } from './thread-to-conversation-mark.ts';
import { isoOfMicroseconds } from './thread-to-conversation-time.ts';

/**
 * A conversation's thread as it is to be on a server that has it already, and shows another branch.
 *
 * Which branch is shown is said by a copy of its last checkpoint behind all others. Where that of the target is of another
 * branch, and the conversation has gone back since, the target has all of the thread, and shows what is not shown any more:
 * one more copy says so. Any other thread is given as it is, and so is one that somebody went on with there.
 *
 * @param there The target's checkpoints, oldest first, without the channels that only its graph has.
 */
export function shownAgain(record: ThreadRecord, there: readonly EntrySummary[]): ThreadRecord {
  const head = headOf(record);
  const last = there.at(-1);
  if (head === undefined || last?.source !== 'fork' || !isOfConversation(record)) return record;
  if (last.values === summarizeEntry(head).values) return record;
  const own = new Set(record.history.map((entry) => summarizeEntry(entry).values));
  const made = there.findLast(({ source }) => source !== 'fork');
  if (!own.has(last.values) || (made !== undefined && !own.has(made.values))) return record;

  const shown = summarizeEntry(head).values;
  // Copies of this branch from before, but for the one that is the record's own.
  const before = there.filter(({ source, values }) => source === 'fork' && values === shown);
  if (head.metadata?.source === 'fork') before.shift();
  const latest = Math.max(0, ...there.map(({ time }) => time ?? 0), Date.parse(head.created_at ?? '') || 0);
  // The next millisecond: checkpoints are sorted by the times in their ids.
  const micros = (latest + 1) * 1000;
  const id = checkpointIdOf(record.thread_id, micros, head.metadata?.step ?? 0);
  const copies = [...before.map((known) => copyOf(head, known.id, (known.time ?? 0) * 1000)), copyOf(head, id, micros)];
  return { ...record, history: [...record.history, ...copies] };
}

function copyOf(head: HistoryEntry, id: string, micros: number): HistoryEntry {
  return {
    ...head,
    checkpoint: { ...head.checkpoint, checkpoint_id: id },
    created_at: isoOfMicroseconds(micros) ?? null,
    metadata: { ...head.metadata, source: 'fork' },
  };
}

function isOfConversation({ thread }: ThreadRecord): boolean {
  // What is read from a server or a file is JSON.
  return markedConversation(thread.metadata?.[THREAD_MARK] as Json | undefined) !== undefined;
}
