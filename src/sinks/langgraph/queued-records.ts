import { EtlError } from '../../errors.ts';
import { asBuffer, jsonRecordText } from '../../formats/json-records.ts';
import { asThreadRecord, type ThreadPart, type ThreadRecord } from '../../models/langgraph.ts';
import {
  knownEntries,
  readThreadText,
  threadHead,
  threadText,
  type KnownEntry,
} from '../../models/langgraph-record-text.ts';
import type { Batch } from '../../stage.ts';

/** A record that waits: as text where the batch has it, so that the objects of a thread live only while it is written. */
export interface QueuedRecord {
  /** As the target calls the thread. */
  readonly threadId: string;
  readonly part: ThreadPart | undefined;
  /** The whole record. @throws {EtlError} `ETL_RECORD_INVALID` for one that is no thread. */
  read(): ReadRecord;
}

/** A record, with the target's id; and, where it came as text, how long that is, and the text of each checkpoint. */
export interface ReadRecord {
  readonly record: ThreadRecord;
  readonly bytes?: number;
  readonly texts?: readonly KnownEntry[];
}

/**
 * What is to be known of the records of a batch before their turn; of one that is no thread, why.
 *
 * @param idOf The target's id of a thread.
 */
export function queuedRecords(
  batch: Batch<unknown>,
  idOf: (threadId: string) => string = (id) => id,
): readonly (QueuedRecord | { readonly error: unknown })[] {
  const { json } = batch;
  if (json === undefined)
    return batch.records.map((record) => queued(asHead(record), idOf, () => ({ record: asThreadRecord(record) })));
  const bytes = asBuffer(json.bytes);
  return Array.from({ length: json.count }, (_, index) => {
    const [start = 0, end = 0] = [json.starts[index], json.ends[index]];
    const head = threadHead(bytes, start, end);
    return queued(head, idOf, () => {
      const text = threadText(bytes, start, end);
      const record = asThreadRecord(readThreadText(bytes, text));
      refuseOther(record, head);
      return { record, bytes: end - start, texts: knownEntries(bytes, text, record) };
    });
  });
}

/** One record of a batch as it came, without making the others. */
export function recordAt({ json, records }: Batch<unknown>, index: number): unknown {
  return json === undefined ? records[index] : JSON.parse(jsonRecordText(json, index));
}

function queued(
  { threadId, part }: Head,
  idOf: (threadId: string) => string,
  readAsItCame: () => ReadRecord,
): QueuedRecord | { readonly error: unknown } {
  const read = (): ReadRecord => {
    const found = readAsItCame();
    const { thread_id: given } = found.record;
    const id = idOf(given);
    return id === given ? found : { ...found, record: { ...found.record, thread_id: id } };
  };
  if (typeof threadId === 'string') return { threadId: idOf(threadId), part: asPart(part), read };
  try {
    const { thread_id, part: known } = read().record;
    return { threadId: thread_id, part: known, read };
  } catch (error) {
    return { error };
  }
}

/** What stands behind the history, or in escapes, is seen only when all of a record is read. */
function refuseOther({ thread_id, part }: ThreadRecord, head: Head): void {
  if (thread_id === head.threadId && (part === undefined) === (head.part === undefined)) return;
  if (typeof head.threadId !== 'string') return;
  throw new EtlError('ETL_RECORD_INVALID', 'the record says twice which thread, or part of one, it is', {
    where: { record: head.threadId },
  });
}

interface Head {
  readonly threadId?: unknown;
  readonly part?: unknown;
}

function asHead(record: unknown): Head {
  if (typeof record !== 'object' || record === null) return {};
  const { thread_id: threadId, part } = record as { readonly thread_id?: unknown; readonly part?: unknown };
  return { threadId, part };
}

function asPart(part: unknown): ThreadPart | undefined {
  return typeof part === 'object' && part !== null ? (part as ThreadPart) : undefined;
}
