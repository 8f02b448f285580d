import { keyWords } from './key-digest.ts';

const segmentBits = 8;
const firstSlots = 64;
const fullAt = 0.8;
const growth = 1.4;

/**
 * An exact set of 128-bit keys in typed arrays: open addressing with linear probing, 20 to 28 bytes a key.
 *
 * It is cut into 256 segments that grow by themselves, so that growing never needs the memory twice. Keys are digests, and
 * so spread evenly; two different values share one with a probability of 2^-128.
 */
export class KeyTable {
  #segments: readonly Segment[] = makeSegments();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the key that starts at word `at`; false when it was there. */
  add(words: Uint32Array, at = 0): boolean {
    const added = this.#segmentOf(words, at).add(words, at);
    if (added) this.#size += 1;
    return added;
  }

  has(words: Uint32Array, at = 0): boolean {
    return this.#segmentOf(words, at).has(words, at);
  }

  /** All keys, one after another, in no order. */
  toWords(): Uint32Array {
    const all = new Uint32Array(this.#size * keyWords);
    let used = 0;
    for (const segment of this.#segments) used = segment.copyTo(all, used);
    return all;
  }

  clear(): void {
    this.#segments = makeSegments();
    this.#size = 0;
  }

  #segmentOf(words: Uint32Array, at: number): Segment {
    return this.#segments[(words[at] ?? 0) >>> (32 - segmentBits)] as Segment;
  }
}

/** Of sizes in between, so that they do not all grow at the same time. */
function makeSegments(): Segment[] {
  const count = 2 ** segmentBits;
  return Array.from({ length: count }, (_, index) => new Segment(Math.round(firstSlots * growth ** (index / count))));
}

/** Slots of four words; four zeros are an empty slot. */
class Segment {
  #words: Uint32Array;
  #slots: number;
  #size = 0;

  constructor(slots: number) {
    this.#slots = slots;
    this.#words = new Uint32Array(slots * keyWords);
  }

  add(words: Uint32Array, at: number): boolean {
    if (this.#size >= this.#slots * fullAt) this.#grow();
    const slot = this.#find(words, at);
    if (slot < 0) return false;
    this.#put(slot, words, at);
    this.#size += 1;
    return true;
  }

  has(words: Uint32Array, at: number): boolean {
    return this.#find(words, at) < 0;
  }

  copyTo(target: Uint32Array, used: number): number {
    const words = this.#words;
    for (let at = 0; at < words.length; at += keyWords) {
      if (isEmpty(words, at)) continue;
      for (let i = 0; i < keyWords; i += 1) target[used++] = words[at + i] ?? 0;
    }
    return used;
  }

  /** The free slot for the key, as its first word; negative when the key is there. */
  #find(words: Uint32Array, at: number): number {
    const own = this.#words;
    const a = words[at];
    const b = words[at + 1] ?? 0;
    const c = words[at + 2];
    const d = words[at + 3];
    let slot = (b % this.#slots) * keyWords;
    while (!isEmpty(own, slot)) {
      if (own[slot] === a && own[slot + 1] === b && own[slot + 2] === c && own[slot + 3] === d) return -1;
      slot += keyWords;
      if (slot === own.length) slot = 0;
    }
    return slot;
  }

  #put(slot: number, words: Uint32Array, at: number): void {
    const own = this.#words;
    own[slot] = words[at] ?? 0;
    own[slot + 1] = words[at + 1] ?? 0;
    own[slot + 2] = words[at + 2] ?? 0;
    own[slot + 3] = words[at + 3] ?? 0;
  }

  #grow(): void {
    const old = this.#words;
    this.#slots = Math.ceil(this.#slots * growth);
    this.#words = new Uint32Array(this.#slots * keyWords);
    for (let at = 0; at < old.length; at += keyWords) {
      if (!isEmpty(old, at)) this.#put(this.#find(old, at), old, at);
    }
  }
}

function isEmpty(words: Uint32Array, at: number): boolean {
  return words[at + 3] === 0 && words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0;
}
