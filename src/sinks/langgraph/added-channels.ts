import { channelsOf, namespaceOf, type HistoryEntry } from '../../models/langgraph.ts';

/**
 * Channels that a thread has on the target and nowhere in the source: its graph adds them, mostly with their defaults, to
 * whatever is written. Nothing of the source is lost by them, so checkpoints are compared without.
 */
export class AddedChannels {
  /** By namespace. */
  readonly #known = new Map<string, Set<string>>();
  /** Checkpoints that were not looked at yet: mostly nobody asks. */
  #source: readonly HistoryEntry[];
  /** Those that were met. */
  readonly names = new Set<string>();

  constructor(source: readonly HistoryEntry[] = []) {
    this.#source = source;
  }

  /** Takes note of more checkpoints of the source. */
  learn(source: readonly HistoryEntry[]): void {
    for (const entry of source) {
      const namespace = namespaceOf(entry);
      const known = this.#known.get(namespace);
      if (known === undefined) this.#known.set(namespace, new Set(Object.keys(channelsOf(entry))));
      else for (const name of Object.keys(channelsOf(entry))) known.add(name);
    }
  }

  /** A checkpoint of the target without them. */
  without(entry: HistoryEntry): HistoryEntry {
    this.learn(this.#source);
    this.#source = [];
    const known = this.#known.get(namespaceOf(entry));
    // Of a namespace that the source does not have at all, nothing is compared.
    if (known === undefined || known.size === 0) return entry;
    const all = Object.entries(channelsOf(entry));
    const kept = all.filter(([name]) => known.has(name));
    if (kept.length === all.length) return entry;
    for (const [name] of all) if (!known.has(name)) this.names.add(name);
    return { ...entry, values: Object.fromEntries(kept) };
  }
}
