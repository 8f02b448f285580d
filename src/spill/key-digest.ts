import { hash } from 'node:crypto';

/** 32-bit words of a key's digest. */
export const keyWords = 4;
/** Bytes of a key's digest. */
export const keyBytes = 16;

/**
 * Writes the digest of a key into `words` from word `at` on: the first 128 bits of its SHA-256. Never four zeros, which
 * stand for an empty slot. Two keys share a digest with a probability of 2^-128.
 */
export function digestKey(key: string | Uint8Array, words: Uint32Array, at: number): void {
  const digest = hash('sha256', key, 'buffer');
  for (let i = 0; i < keyWords; i += 1) words[at + i] = digest.readUInt32LE(i * 4);
  if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0) words[at + 3] = 1;
}

/** Which of two digests comes first: negative, 0 or positive. */
export function compareKeys(left: Uint32Array, leftAt: number, right: Uint32Array, rightAt: number): number {
  for (let i = 0; i < keyWords; i += 1) {
    const difference = (left[leftAt + i] ?? 0) - (right[rightAt + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The first 53 bits of a digest as a number, in the same order. */
export function keyPrefix(words: Uint32Array, at: number): number {
  return (words[at] ?? 0) * 2 ** 21 + ((words[at + 1] ?? 0) >>> 11);
}

const indexBits = 20;
/** Most keys that {@link sortKeys} takes. */
export const maxSortedKeys = 2 ** indexBits;

/** Digests in order. */
export function sortKeys(words: Uint32Array): Uint32Array {
  const count = words.length / keyWords;
  if (count > maxSortedKeys) throw new RangeError(`at most ${maxSortedKeys} keys, received ${count}`);
  // First word and place in one double: typed arrays of numbers sort without a call for each comparison.
  const order = new Float64Array(count);
  for (let i = 0; i < count; i += 1) order[i] = (words[i * keyWords] ?? 0) * maxSortedKeys + i;
  order.sort();
  const places = Uint32Array.from(order, (value) => (value % maxSortedKeys) * keyWords);
  for (let i = 1; i < count; i += 1) {
    for (let j = i; j > 0 && compareKeys(words, places[j - 1] ?? 0, words, places[j] ?? 0) > 0; j -= 1) {
      const place = places[j] ?? 0;
      places[j] = places[j - 1] ?? 0;
      places[j - 1] = place;
    }
  }
  const sorted = new Uint32Array(words.length);
  for (const [i, place] of places.entries()) sorted.set(words.subarray(place, place + keyWords), i * keyWords);
  return sorted;
}
