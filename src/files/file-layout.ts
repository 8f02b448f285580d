import type { Json } from '../json.ts';
import type { Batch, StageContext } from '../stage.ts';
import type { Output } from './output.ts';

/** How records become bytes in one kind of file. */
export interface FileLayout<in T> {
  /** What the file begins with. */
  readonly head?: string | undefined;
  /** Writes a batch's records, rejecting those that have no form here, and gives how many it wrote; `before` are in the file. */
  write(batch: Batch<T>, output: Output, ctx: StageContext, before: number): Promise<number>;
  /** What a complete file ends with. */
  readonly tail?: ((records: number) => string) | undefined;
  /** What the layout has to know to go on with a file, kept with each commit. */
  readonly state?: { save(): Json; restore(state: Json): void } | undefined;
  /** Whether records wait for others that are written with them: behind such a batch there is no place to resume. */
  readonly isHolding?: (() => boolean) | undefined;
  /** The input is at its end: rejects what waits for records that did not come. */
  readonly end?: ((ctx: StageContext) => void) | undefined;
}
