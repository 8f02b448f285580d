import { keyWords } from './key-digest.ts';

/** Below this many bits a key, a filter lets too much through to be worth its memory. */
export const leastBitsPerKey = 2;

/**
 * Says for sure that a key is not in a set, or that it may be (a Bloom filter): at 8 bits a key it is wrong once in 40. The
 * four words of a digest are its four hash functions.
 */
export class KeyFilter {
  readonly #bits: number;
  readonly #words: Uint32Array;

  /** `bits`: how large it is, at most 2^32. */
  constructor(bits: number) {
    this.#words = new Uint32Array(Math.ceil(Math.min(bits, 2 ** 32) / 32));
    this.#bits = this.#words.length * 32;
  }

  add(words: Uint32Array, at: number): void {
    for (let i = 0; i < keyWords; i += 1) {
      const bit = (words[at + i] ?? 0) % this.#bits;
      const place = Math.floor(bit / 32);
      this.#words[place] = (this.#words[place] ?? 0) | (1 << (bit % 32));
    }
  }

  mayHave(words: Uint32Array, at: number): boolean {
    for (let i = 0; i < keyWords; i += 1) {
      const bit = (words[at + i] ?? 0) % this.#bits;
      if (((this.#words[Math.floor(bit / 32)] ?? 0) & (1 << (bit % 32))) === 0) return false;
    }
    return true;
  }
}
