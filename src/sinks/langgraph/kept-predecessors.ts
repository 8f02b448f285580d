import { roughJsonLength } from '../../json-equal.ts';
import { isCopyOf, predecessorOf, type Predecessor } from '../../mappings/history-to-supersteps.ts';
import type { HistoryEntry } from '../../models/langgraph.ts';

/** Of a thread in parts, so many checkpoints, and about so many bytes, are kept for later ones to be made on; others are read. */
const keptCheckpoints = 16;
const keptBytes = 16_000_000;

/** The checkpoints that went by: all of a thread that is whole, the last ones of one that comes in parts. */
export class KeptPredecessors {
  readonly #isWhole: boolean;
  readonly #kept = new Map<string, Predecessor>();
  /** About how many bytes each of these takes, of a thread in parts. */
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(isWhole: boolean) {
    this.#isWhole = isWhole;
  }

  get(id: string): Predecessor | undefined {
    return this.#kept.get(id);
  }

  /** The last one that a checkpoint may be a copy of. */
  copiedBy(entry: HistoryEntry): string | undefined {
    return [...this.#kept.values()].findLast((other) => isCopyOf(entry, other))?.id;
  }

  add(entry: HistoryEntry): void {
    const { checkpoint_id: id } = entry.checkpoint;
    this.#kept.set(id, predecessorOf(entry));
    if (this.#isWhole) return;
    const size = roughJsonLength(entry.values);
    this.#sizes.set(id, size);
    this.#bytes += size;
    // The last one stays: the next is mostly made on it.
    for (const [oldest, bytes] of this.#sizes) {
      if (oldest === id || (this.#kept.size <= keptCheckpoints && this.#bytes <= keptBytes)) break;
      this.#kept.delete(oldest);
      this.#sizes.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}
