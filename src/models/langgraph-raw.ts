import type { Runtime, ThreadRecord } from './langgraph.ts';

/** A value in a server's own serializer: its type and the bytes in base64. */
export type RawValue = readonly [type: string, base64: string];

/** A checkpoint as a checkpointer holds it, with values in its own serializer: what the API cannot tell is in there too. */
export interface RawTuple {
  readonly ns: string;
  readonly id: string;
  readonly parent: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly checkpoint: Readonly<Record<string, unknown>> & {
    readonly id: string;
    readonly channel_values: Readonly<Record<string, RawValue>>;
    readonly channel_versions: Readonly<Record<string, number | string>>;
  };
  readonly writes: readonly (readonly [task: string, channel: string, value: RawValue])[];
}

/** All checkpoints of a thread in that form, parents first. Only a server of the same runtime reads them. */
export interface RawThread {
  readonly runtime: Runtime;
  readonly tuples: readonly RawTuple[];
}

/** A thread with what its checkpointer holds, as the transform `langgraph-raw` gives it. */
export interface ThreadWithRaw extends ThreadRecord {
  readonly raw?: RawThread;
}

/** What the record carries for a runtime; nothing when it was left out or is another one's. */
export function rawOf(record: ThreadRecord, runtime: Runtime): RawThread | undefined {
  const { raw } = record as ThreadWithRaw;
  return raw?.runtime === runtime && Array.isArray(raw.tuples) ? raw : undefined;
}

/** The channels of each checkpoint that are other ones than its parent's. */
export function freshVersions(tuples: readonly RawTuple[]): readonly Readonly<Record<string, number | string>>[] {
  const known = new Map(tuples.map((tuple) => [`${tuple.ns}\n${tuple.id}`, tuple.checkpoint.channel_versions]));
  return tuples.map(({ ns, parent, checkpoint }) => {
    const before = parent === null ? undefined : known.get(`${ns}\n${parent}`);
    return Object.fromEntries(
      Object.entries(checkpoint.channel_versions).filter(([name, version]) => before?.[name] !== version),
    );
  });
}
