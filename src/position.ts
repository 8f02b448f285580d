import type { Json } from './json.ts';

/**
 * Where a batch stands in a run. The engine puts it in the place of the source's own cursor, so that whatever a sink
 * commits also says how much had been read up to there and what each stage needs to go on.
 */
export interface Position {
  /** Number of the source's batch, from 1, over all attempts; with a fraction for batches that a stage gives in between. */
  readonly seq: number;
  /** Records read up to and with this batch. */
  readonly read: number;
  /** Bytes read up to and with this batch. */
  readonly bytes: number;
  /** The source's own cursor. */
  readonly at: Json;
  /** What each stage with a state has to find again, by stage name. */
  readonly states: { readonly [stage: string]: Json };
}

/** What `seq` grows by from one batch in between to the next: room for 16 million of them, exact up to 2^28 batches. */
export const partStep = 2 ** -24;

/** The position in a batch's cursor; nothing when the batch has none. */
export function positionOf(cursor: Json | undefined): Position | undefined {
  if (cursor === undefined || cursor === null || typeof cursor !== 'object' || !('seq' in cursor)) return undefined;
  // Only the engine makes cursors with `seq`: stages pass them on as they are.
  return cursor as unknown as Position;
}

/** A position as the JSON that batches carry and ledgers save. */
export function cursorOf(position: Position): Json {
  return { ...position };
}

/** The cursor with one stage's state in it. */
export function withStageState(cursor: Json | undefined, stage: string, state: Json): Json | undefined {
  const position = positionOf(cursor);
  if (position === undefined) return cursor;
  return cursorOf({ ...position, states: { ...position.states, [stage]: state } });
}

/**
 * Bytes read up to this batch, for sinks that commit by amount of input: the same in an unbroken and in a resumed run.
 * Nothing for a source without cursors.
 */
export function bytesRead(cursor: Json | undefined): number | undefined {
  return positionOf(cursor)?.bytes;
}
