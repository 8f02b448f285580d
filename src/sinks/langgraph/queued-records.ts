import { createDocumentScanner, type DocumentScanner } from '../../formats/document-scanner.ts';
import { asBuffer, jsonRecordText, type JsonRecords } from '../../formats/json-records.ts';
import { asThreadRecord, type ThreadPart, type ThreadRecord } from '../../models/langgraph.ts';
import type { Batch } from '../../stage.ts';

/** A record that waits: as text where the batch has it, so that the objects of a thread live only while it is written. */
export interface QueuedRecord {
  readonly threadId: string;
  readonly part: ThreadPart | undefined;
  /** The whole record. @throws {EtlError} `ETL_RECORD_INVALID` for one that is no thread. */
  read(): ThreadRecord;
}

/** What is to be known of the records of a batch before their turn; of one that is no thread, why. */
export function queuedRecords(batch: Batch<unknown>): readonly (QueuedRecord | { readonly error: unknown })[] {
  const { json } = batch;
  if (json === undefined) return batch.records.map((record) => queued(asHead(record), () => record));
  return Array.from({ length: json.count }, (_, index) =>
    queued(headOf(json, index), () => JSON.parse(jsonRecordText(json, index)) as unknown),
  );
}

/** One record of a batch as it came, without making the others. */
export function recordAt({ json, records }: Batch<unknown>, index: number): unknown {
  return json === undefined ? records[index] : JSON.parse(jsonRecordText(json, index));
}

function queued({ thread_id: threadId, part }: Head, value: () => unknown): QueuedRecord | { readonly error: unknown } {
  const read = (): ThreadRecord => asThreadRecord(value());
  if (typeof threadId === 'string') return { threadId, part: asPart(part), read };
  try {
    const { thread_id, part: known } = read();
    return { threadId: thread_id, part: known, read };
  } catch (error) {
    return { error };
  }
}

function asHead(record: unknown): Head {
  return typeof record === 'object' && record !== null ? record : {};
}

function asPart(part: unknown): ThreadPart | undefined {
  return typeof part === 'object' && part !== null ? (part as ThreadPart) : undefined;
}

interface Head {
  readonly thread_id?: unknown;
  readonly part?: unknown;
}

const slots = ['thread_id', 'part'] as const;
const none = { names: [], prefixes: [] };
let scanner: DocumentScanner | undefined;

/** These two members of a record, found without making the rest. */
function headOf({ bytes, starts, ends }: JsonRecords, index: number): Head {
  scanner ??= createDocumentScanner({ slots, mark: 'part', volatile: none, secrets: none, linkParameters: [] });
  const text = asBuffer(bytes);
  const head: Record<string, unknown> = {};
  if (!scanner.scan(text, starts[index] ?? 0, ends[index] ?? 0)) return head;
  for (const [slot, name] of slots.entries()) {
    const end = scanner.endOf(slot);
    if (end > 0) head[name] = JSON.parse(text.toString('utf8', scanner.startOf(slot), end));
  }
  return head;
}
