/** Numbers keys as they come, 0, 1, …, in a few bytes each: the keys themselves stay where they are. */
export class KeyNumbers {
  readonly #isKeyOf: (number: number, key: Uint8Array) => boolean;
  /** Numbers plus 1 by hash, next to one another where hashes meet. Never more than half full. */
  #table = new Uint32Array(1024);
  #hashes = new Uint32Array(512);
  #count = 0;

  /** `isKeyOf` compares with the key of that number. */
  constructor(isKeyOf: (number: number, key: Uint8Array) => boolean) {
    this.#isKeyOf = isKeyOf;
  }

  get count(): number {
    return this.#count;
  }

  /** The key's number; a new one is the count before. */
  of(key: Uint8Array): number {
    const hash = hashOf(key);
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (let known = this.#table[slot] ?? 0; known !== 0; known = this.#table[slot] ?? 0) {
      if (this.#hashes[known - 1] === hash && this.#isKeyOf(known - 1, key)) return known - 1;
      slot = (slot + 1) & mask;
    }
    if (this.#count === this.#hashes.length) {
      this.#grow();
      return this.of(key);
    }
    this.#hashes[this.#count] = hash;
    this.#count += 1;
    this.#table[slot] = this.#count;
    return this.#count - 1;
  }

  clear(): void {
    this.#table.fill(0);
    this.#count = 0;
  }

  #grow(): void {
    const hashes = this.#hashes;
    this.#hashes = new Uint32Array(hashes.length * 2);
    this.#hashes.set(hashes);
    this.#table = new Uint32Array(hashes.length * 4);
    const mask = this.#table.length - 1;
    for (const [number, hash] of hashes.entries()) {
      let slot = hash & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = number + 1;
    }
  }
}

function hashOf(key: Uint8Array): number {
  let hash = key.length;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ (key[i] ?? 0), 0x01000193);
  // The lower bits choose the slot.
  return (hash ^ (hash >>> 15)) >>> 0;
}
