import { entryBytes, headerBytes, readEntry, sizeOfEntry, writeEntry, type Entry } from './entry.ts';
import { KeyNumbers } from './key-numbers.ts';

const blockBytes = 1024 * 1024;
const leastSlabBytes = 4096;
const indexBytesPerEntry = 12;
const indexBytesPerKey = 16;

/** Entries in memory, to be read in the order of their keys; entries of one key in the order they came. */
export class EntryBuffer {
  readonly #slabBytes: number;
  /** Memory for entries; it is kept when they are cleared. */
  readonly #slabs: Buffer[] = [];
  #slab = -1;
  /** Where each entry is (slab and offset in one number), and the number of its key. */
  #places = new Float64Array(1024);
  #keyNumbers = new Uint32Array(1024);
  readonly #keys = new KeyNumbers((number, key) => this.#isKeyOf(number, key));
  /** The first entry of each key. */
  #firsts = new Uint32Array(512);
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
    return this.#bytes + this.#count * indexBytesPerEntry + this.#keys.count * indexBytesPerKey;
  }

  add(key: Uint8Array, tag: number, text: Uint8Array): void {
    const size = entryBytes(key, text);
    const slab = this.#slabFor(size);
    writeEntry(slab, this.#used, key, tag, text);
    this.#index(this.#slab * 2 ** 32 + this.#used, key);
    this.#used += size;
  }

  /** The entries in order, as views that stay valid until {@link clear}. */
  *sorted(): Generator<Entry> {
    for (const index of this.#order()) {
      const [slab, at] = this.#placeOf(index);
      yield readEntry(slab, at);
    }
  }

  /** The entries in order as bytes to write to a file, about a megabyte at a time. The last two pieces given stay valid. */
  *sortedBytes(): Generator<Buffer> {
    let block: Buffer = Buffer.allocUnsafeSlow(blockBytes);
    let other: Buffer | undefined;
    let used = 0;
    for (const index of this.#order()) {
      const [slab, at] = this.#placeOf(index);
      const size = sizeOfEntry(slab, at);
      if (used > 0 && used + size > block.length) {
        yield block.subarray(0, used);
        [block, other] = [other ?? Buffer.allocUnsafeSlow(blockBytes), block];
        used = 0;
      }
      if (size > block.length) block = Buffer.allocUnsafeSlow(size);
      slab.copy(block, used, at, at + size);
      used += size;
    }
    if (used > 0) yield block.subarray(0, used);
  }

  /** Forgets the entries; `release` gives their memory back, too. */
  clear({ release = false }: { readonly release?: boolean } = {}): void {
    // What was made for one large entry is not kept.
    const kept = release ? [] : this.#slabs.filter(({ length }) => length === this.#slabBytes);
    this.#slabs.splice(0, this.#slabs.length, ...kept);
    this.#slab = -1;
    if (release) {
      this.#places = new Float64Array(1024);
      this.#keyNumbers = new Uint32Array(1024);
    }
    this.#keys.clear();
    this.#count = 0;
    this.#used = 0;
    this.#bytes = 0;
  }

  /** A slab with room for so many bytes at `#used`. */
  #slabFor(size: number): Buffer {
    const current = this.#slabs[this.#slab];
    if (current !== undefined && this.#used + size <= current.length) return current;
    this.#slab += 1;
    this.#used = 0;
    const kept = this.#slabs[this.#slab];
    const slab =
      kept !== undefined && size <= kept.length ? kept : Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, size));
    if (slab !== kept) this.#slabs.splice(this.#slab, 0, slab);
    this.#bytes += slab.length;
    return slab;
  }

  #isKeyOf(number: number, key: Uint8Array): boolean {
    const [slab, at] = this.#placeOf(this.#firsts[number] ?? 0);
    if (slab.readUInt32LE(at) !== key.length) return false;
    const from = at + headerBytes;
    // Keys are short: a loop is done sooner than a call into the runtime.
    for (let i = 0; i < key.length; i++) if (slab[from + i] !== key[i]) return false;
    return true;
  }

  #index(place: number, key: Uint8Array): void {
    if (this.#count === this.#places.length) {
      const [places, keyNumbers] = [this.#places, this.#keyNumbers];
      this.#places = new Float64Array(places.length * 2);
      this.#places.set(places);
      this.#keyNumbers = new Uint32Array(keyNumbers.length * 2);
      this.#keyNumbers.set(keyNumbers);
    }
    const known = this.#keys.count;
    const number = this.#keys.of(key);
    if (number === known) {
      if (number === this.#firsts.length) {
        const firsts = this.#firsts;
        this.#firsts = new Uint32Array(firsts.length * 2);
        this.#firsts.set(firsts);
      }
      this.#firsts[number] = this.#count;
    }
    this.#places[this.#count] = place;
    this.#keyNumbers[this.#count] = number;
    this.#count += 1;
  }

  /** Keys are sorted, of which there are fewer than entries, and entries are dealt out to them. */
  #order(): Uint32Array {
    const next = new Uint32Array(this.#keys.count);
    for (let i = 0; i < this.#count; i++) {
      const number = this.#keyNumbers[i] ?? 0;
      next[number] = (next[number] ?? 0) + 1;
    }
    let before = 0;
    for (const number of this.#sortedKeys()) {
      const entries = next[number] ?? 0;
      next[number] = before;
      before += entries;
    }
    const order = new Uint32Array(this.#count);
    for (let i = 0; i < this.#count; i++) {
      const number = this.#keyNumbers[i] ?? 0;
      const place = next[number] ?? 0;
      order[place] = i;
      next[number] = place + 1;
    }
    return order;
  }

  #sortedKeys(): Uint32Array {
    const keys = Array.from({ length: this.#keys.count }, (_, number) => {
      const [slab, at] = this.#placeOf(this.#firsts[number] ?? 0);
      const from = at + headerBytes;
      return slab.toString('latin1', from, from + slab.readUInt32LE(at));
    });
    // As latin1 text they sort as their bytes do.
    return Uint32Array.from(keys.keys()).sort((a, b) => ((keys[a] ?? '') < (keys[b] ?? '') ? -1 : 1));
  }

  #placeOf(index: number): [Buffer, number] {
    const place = this.#places[index] ?? 0;
    const slab = Math.floor(place / 2 ** 32);
    return [this.#slabs[slab] as Buffer, place - slab * 2 ** 32];
  }
}
