import type { Json } from './json.ts';

/**
 * Where a batch stands in a run. The engine puts it in the place of the source's own cursor, so that whatever a sink
 * commits also says how much had been read up to there and what each stage needs to go on.
 */
export interface Position {
  /** Number of the batch, from 1, over all attempts: the source's, or that of the last stage that numbers its batches anew. */
  readonly seq: number;
  /** For each such stage, in the order of the pipeline: the number up to which its input has been given in full. */
  readonly renumbered?: readonly { readonly stage: number; readonly seq: number }[];
  /** Records read up to and with this batch. */
  readonly read: number;
  /** Bytes read up to and with this batch. */
  readonly bytes: number;
  /** The source's own cursor. */
  readonly at: Json;
  /** What each stage with a state has to find again, by stage name. */
  readonly states: { readonly [stage: string]: Json };
}

/** The position in a batch's cursor; nothing when the batch has none. */
export function positionOf(cursor: Json | undefined): Position | undefined {
  if (cursor === undefined || cursor === null || typeof cursor !== 'object' || !('seq' in cursor)) return undefined;
  // Only the engine makes cursors with `seq`: stages pass them on as they are.
  return cursor as unknown as Position;
}

/** The number that everything up to a position has where it goes into a stage: a stage after it may have given it another. */
export function seqInto({ seq, renumbered = [] }: Position, stage: number): number {
  return renumbered.find((mark) => mark.stage >= stage)?.seq ?? seq;
}

/** The position with a number of `stage`'s own. */
export function renumberedBy(position: Position, stage: number, seq: number): Position {
  const before = (position.renumbered ?? []).filter((mark) => mark.stage < stage);
  return { ...position, seq, renumbered: [...before, { stage, seq: seqInto(position, stage) }] };
}

/** A position as the JSON that batches carry and ledgers save. */
export function cursorOf(position: Position): Json {
  return { ...position, ...(position.renumbered === undefined ? {} : { renumbered: [...position.renumbered] }) };
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
