import { channelsOf, namespaceOf, type HistoryEntry } from '../../models/langgraph.ts';

/**
 * Channels that a thread has on the target and nowhere in the source: its graph adds them, mostly with their defaults, to
 * whatever is written. Nothing of the source is lost by them, so checkpoints are compared without.
 */
export class AddedChannels {
  readonly #source: readonly HistoryEntry[];
  readonly #known = new Map<string, ReadonlySet<string>>();
  /** Those that were met. */
  readonly names = new Set<string>();

  constructor(source: readonly HistoryEntry[]) {
    this.#source = source;
  }

  /** A checkpoint of the target without them. */
  without(entry: HistoryEntry): HistoryEntry {
    const known = this.#channelsOf(namespaceOf(entry));
    const all = Object.entries(channelsOf(entry));
    const kept = all.filter(([name]) => known.has(name));
    // Of a namespace that the source does not have at all, nothing is compared.
    if (known.size === 0 || kept.length === all.length) return entry;
    for (const [name] of all) if (!known.has(name)) this.names.add(name);
    return { ...entry, values: Object.fromEntries(kept) };
  }

  #channelsOf(namespace: string): ReadonlySet<string> {
    let known = this.#known.get(namespace);
    if (known === undefined) {
      const entries = this.#source.filter((entry) => namespaceOf(entry) === namespace);
      known = new Set(entries.flatMap((entry) => Object.keys(channelsOf(entry))));
      this.#known.set(namespace, known);
    }
    return known;
  }
}
