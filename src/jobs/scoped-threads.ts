import { jsonBatch, pickRecords } from '../batch.ts';
import { asBuffer, gatherJsonRecords } from '../formats/json-records.ts';
import { jsonEqual } from '../json-equal.ts';
import type { Json } from '../json.ts';
import { threadWithoutSubgraphs } from '../mappings/thread-without-subgraphs.ts';
import { namespaceOf, type ThreadRecord, type ThreadRow } from '../models/langgraph.ts';
import type { Batch, Source } from '../stage.ts';

/** Which threads of a file are meant, in the words of the `langgraph` source. */
export interface ThreadScope {
  /** Only threads whose metadata hold this, as JSONB containment. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly status?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  /** Only threads that changed since then. */
  readonly since?: string | undefined;
  /** False: without the checkpoints of subgraphs. */
  readonly subgraphs?: boolean | undefined;
}

/** The threads of a file that are meant: what a server would be asked for, of records that are there already. */
export function scopedThreads(source: Source<ThreadRecord>, scope: ThreadScope): Source<ThreadRecord> {
  const { subgraphs = true, ...rest } = scope;
  const matches = matcherOf(rest);
  return {
    ...source,
    config: { ...(source.config as object), scope: JSON.parse(JSON.stringify(scope)) as Json },
    async *read(ctx) {
      for await (const batch of source.read(ctx)) {
        const kept = batch.records.flatMap(({ thread_id: id, thread }, index) => (matches(id, thread) ? [index] : []));
        const picked = pickRecords(batch, kept);
        yield subgraphs ? picked : withoutSubgraphs(picked);
      }
    },
  };
}

function matcherOf({ metadata, status, ids, since }: ThreadScope): (id: string, row: ThreadRow) => boolean {
  const wanted = ids === undefined ? undefined : new Set(ids.map((id) => id.toLowerCase()));
  const after = since === undefined ? undefined : Date.parse(since);
  return (id, row) => {
    if (wanted?.has(id.toLowerCase()) === false) return false;
    if (status !== undefined && row.status !== status) return false;
    // One that does not say when is taken.
    if (after !== undefined && Date.parse(row.updated_at ?? row.created_at ?? '') < after) return false;
    return metadata === undefined || contains(row.metadata ?? {}, metadata);
  };
}

function withoutSubgraphs(batch: Batch<ThreadRecord>): Batch<ThreadRecord> {
  const { json, records, bytes, cursor, at } = batch;
  if (json === undefined) {
    const own = records.map((record) => ({
      ...record,
      history: record.history.filter((entry) => namespaceOf(entry) === ''),
    }));
    return { records: own, bytes, cursor, at };
  }
  const text = asBuffer(json.bytes);
  const given = Array.from({ length: json.count }, (_, index) => text.subarray(json.starts[index], json.ends[index]));
  const own = given.map(threadWithoutSubgraphs);
  if (own.every((record, index) => record === given[index])) return batch;
  return jsonBatch<ThreadRecord>(gatherJsonRecords(own), { bytes, cursor, at });
}

/**
 * Whether a JSON value holds another, as both servers compare metadata.
 *
 * @see PostgreSQL 17, 8.14.3 jsonb containment: members of objects and elements of arrays, in any order
 */
function contains(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(value) && wanted.every((element) => value.some((other) => contains(other, element)));
  if (typeof wanted !== 'object' || wanted === null) return jsonEqual(value, wanted);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, part]) => Object.hasOwn(fields, name) && contains(fields[name], part));
}
