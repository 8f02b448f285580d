import { entryBytes, headerBytes, readEntry, sizeOfEntry, writeEntry, type Entry } from './entry.ts';

const blockBytes = 1024 * 1024;
const leastSlabBytes = 4096;
const indexBytesPerEntry = 20;
const prefixBytes = 6;

/** Entries in memory, to be read in the order of their keys; entries of one key in the order they came. */
export class EntryBuffer {
  readonly #slabBytes: number;
  readonly #slabs: Buffer[] = [];
  /** Where each entry is (slab and offset in one number) and how its key begins. */
  #places = new Float64Array(1024);
  #prefixes = new Float64Array(1024);
  #count = 0;
  #used = 0;
  #bytes = 0;

  /** `memoryBytes`: what it is meant to hold; memory is taken in parts of that. */
  constructor(memoryBytes: number) {
    this.#slabBytes = Math.min(blockBytes, Math.max(leastSlabBytes, Math.floor(memoryBytes / 8)));
  }

  get count(): number {
    return this.#count;
  }

  /** Memory taken, in bytes. */
  get bytes(): number {
    return this.#bytes + this.#count * indexBytesPerEntry;
  }

  add(key: Uint8Array, tag: number, text: Uint8Array): void {
    const size = entryBytes(key, text);
    let slab = this.#slabs.at(-1);
    if (slab === undefined || this.#used + size > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, size));
      this.#slabs.push(slab);
      this.#bytes += slab.length;
      this.#used = 0;
    }
    writeEntry(slab, this.#used, key, tag, text);
    this.#index((this.#slabs.length - 1) * 2 ** 32 + this.#used, prefixOf(key));
    this.#used += size;
  }

  /** The entries in order, as views that stay valid. */
  *sorted(): Generator<Entry> {
    for (const index of this.#order()) {
      const [slab, at] = this.#placeOf(index);
      yield readEntry(slab, at);
    }
  }

  /** The entries in order as bytes to write to a file, about a megabyte at a time. */
  *sortedBytes(): Generator<Buffer> {
    let block = Buffer.allocUnsafeSlow(blockBytes);
    let used = 0;
    for (const index of this.#order()) {
      const [slab, at] = this.#placeOf(index);
      const size = sizeOfEntry(slab, at);
      if (used > 0 && used + size > block.length) {
        yield block.subarray(0, used);
        used = 0;
      }
      if (size > block.length) block = Buffer.allocUnsafeSlow(size);
      slab.copy(block, used, at, at + size);
      used += size;
    }
    if (used > 0) yield block.subarray(0, used);
  }

  clear(): void {
    this.#slabs.length = 0;
    this.#places = new Float64Array(1024);
    this.#prefixes = new Float64Array(1024);
    this.#count = 0;
    this.#used = 0;
    this.#bytes = 0;
  }

  #index(place: number, prefix: number): void {
    if (this.#count === this.#places.length) {
      this.#places = grown(this.#places);
      this.#prefixes = grown(this.#prefixes);
    }
    this.#places[this.#count] = place;
    this.#prefixes[this.#count] = prefix;
    this.#count += 1;
  }

  #order(): Uint32Array {
    const prefixes = this.#prefixes;
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index);
    return order.sort(
      (left, right) => (prefixes[left] ?? 0) - (prefixes[right] ?? 0) || this.#compareKeys(left, right) || left - right,
    );
  }

  #compareKeys(left: number, right: number): number {
    const [leftSlab, leftAt] = this.#placeOf(left);
    const [rightSlab, rightAt] = this.#placeOf(right);
    const [leftFrom, rightFrom] = [leftAt + headerBytes, rightAt + headerBytes];
    const leftEnd = leftFrom + leftSlab.readUInt32LE(leftAt);
    const rightEnd = rightFrom + rightSlab.readUInt32LE(rightAt);
    return leftSlab.compare(rightSlab, rightFrom, rightEnd, leftFrom, leftEnd);
  }

  #placeOf(index: number): [Buffer, number] {
    const place = this.#places[index] ?? 0;
    const slab = Math.floor(place / 2 ** 32);
    return [this.#slabs[slab] as Buffer, place - slab * 2 ** 32];
  }
}

/** The first bytes of a key as a number in the same order: comparing two numbers settles most of the sorting. */
function prefixOf(key: Uint8Array): number {
  let prefix = 0;
  for (let i = 0; i < prefixBytes; i += 1) prefix = prefix * 256 + (key[i] ?? 0);
  return prefix;
}

function grown(values: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}
