import { jsonMembers } from './json-members.ts';
import { instantiateWasm, type WasmMemory } from './webassembly.ts';

/** What to look for in documents. All of it is ASCII. */
export interface DocumentNames {
  /** Members of the document itself to find: they are asked for by their place in this list. At most 255. */
  readonly slots: readonly string[];
  /** Name of a member that counts wherever it stands below one of the slots. */
  readonly mark: string;
  /** Members of the document itself that a digest leaves out: their names, and what their names begin with. */
  readonly volatile: { readonly names: readonly string[]; readonly prefixes: readonly string[] };
  /** Names of members that hold secrets, wherever they stand, and what such names begin with. */
  readonly secrets: { readonly names: readonly string[]; readonly prefixes: readonly string[] };
  /** Parameters that make a link a key. */
  readonly linkParameters: readonly string[];
}

/**
 * Looks once at a document's JSON text: what it finds is valid until the next document.
 *
 * `mayHoldSecret`, `holdsMark` and `holdsNull` are never wrong when they say no; when they say yes, somebody has to look.
 */
export interface DocumentScanner {
  /** Looks at `bytes[start .. end)`, which is valid JSON; false for what is no object. */
  scan(bytes: Buffer, start: number, end: number): boolean;
  /** Where the value of a slot begins and ends in the bytes; both 0 when there is no such member. Of several the last counts. */
  startOf(slot: number): number;
  endOf(slot: number): number;
  /** A member of the marked name may be below this slot's value. */
  holdsMark(slot: number): boolean;
  /** Null may be an element of this slot's value. */
  holdsNull(slot: number): boolean;
  readonly mayHoldSecret: boolean;
  /**
   * What a digest is made of: the members that are not volatile, each run of them with a comma behind it. Ask once, and last:
   * the bytes are valid until the next document.
   */
  digestBytes(): Buffer;
}

/** A scanner for documents of one kind: in WebAssembly where that was built, with the same results without it. */
export function createDocumentScanner(
  names: DocumentNames,
  { engine = 'wasm' }: { readonly engine?: 'wasm' | 'typescript' | undefined } = {},
): DocumentScanner {
  const plain = new PlainDocumentScanner(names);
  const module = engine === 'wasm' ? instantiateWasm<ScanModule>('document-scan') : undefined;
  return module === undefined ? plain : new WasmDocumentScanner(module, names, plain);
}

interface ScanModule {
  readonly memory: WasmMemory;
  inputAddress(): number;
  slotsAddress(): number;
  addName(length: number, meaning: number): number;
  addPrefix(length: number, meaning: number): void;
  addLink(): void;
  scan(length: number): number;
  gatherRuns(): number;
}

// As in assembly/document-scan.ts.
const VOLATILE = 0x100;
const SECRET = 0x200;
const MARK = 0x400;
const HOLDS_MARK = 1;
const HOLDS_NULL = 2;
const IS_DOCUMENT = 1;
const MAY_HOLD_SECRET = 2;
const IS_ODD = 4;

const PADDING = 64;
const LARGE = 4 * 1024 * 1024;

class WasmDocumentScanner implements DocumentScanner {
  readonly #names: DocumentNames;
  readonly #plain: PlainDocumentScanner;
  #module: ScanModule;
  #memory: Buffer;
  #slots: Uint32Array;
  #input = 0;
  #offset = 0;
  #result = 0;
  #isPlain = false;

  constructor(module: ScanModule, names: DocumentNames, plain: PlainDocumentScanner) {
    this.#names = names;
    this.#plain = plain;
    this.#module = module;
    this.#memory = Buffer.alloc(0);
    this.#slots = new Uint32Array(0);
    this.#begin(module);
  }

  get mayHoldSecret(): boolean {
    return this.#isPlain || (this.#result & MAY_HOLD_SECRET) !== 0;
  }

  scan(bytes: Buffer, start: number, end: number): boolean {
    const needed = this.#input + end - start + PADDING;
    if (needed > this.#memory.length) this.#grow(needed);
    // The memory of a module never shrinks: after a very long document it is made anew.
    else if (this.#memory.length > LARGE && needed < LARGE) this.#renew();
    bytes.copy(this.#memory, this.#input, start, end);
    this.#offset = start;
    this.#result = this.#module.scan(end - start);
    this.#isPlain = (this.#result & IS_ODD) !== 0;
    if (this.#isPlain) return this.#plain.scan(bytes, start, end);
    return (this.#result & IS_DOCUMENT) !== 0;
  }

  startOf(slot: number): number {
    if (this.#isPlain) return this.#plain.startOf(slot);
    const start = this.#slots[slot * 3] ?? 0;
    return start === 0 ? 0 : start + this.#offset;
  }

  endOf(slot: number): number {
    if (this.#isPlain) return this.#plain.endOf(slot);
    const end = this.#slots[slot * 3 + 1] ?? 0;
    return end === 0 ? 0 : end + this.#offset;
  }

  holdsMark(slot: number): boolean {
    return this.#isPlain ? this.#plain.holdsMark(slot) : ((this.#slots[slot * 3 + 2] ?? 0) & HOLDS_MARK) !== 0;
  }

  holdsNull(slot: number): boolean {
    return this.#isPlain ? this.#plain.holdsNull(slot) : ((this.#slots[slot * 3 + 2] ?? 0) & HOLDS_NULL) !== 0;
  }

  digestBytes(): Buffer {
    if (this.#isPlain) return this.#plain.digestBytes();
    return this.#memory.subarray(this.#input, this.#input + this.#module.gatherRuns());
  }

  #begin(module: ScanModule): void {
    const { slots, mark, volatile, secrets, linkParameters } = this.#names;
    this.#module = module;
    this.#input = module.inputAddress();
    this.#attach();
    const meanings = new Map<string, number>();
    const mean = (name: string, meaning: number): void => void meanings.set(name, (meanings.get(name) ?? 0) | meaning);
    for (const [place, name] of slots.entries()) mean(name, place + 1);
    for (const name of volatile.names) mean(name, VOLATILE);
    for (const name of secrets.names) mean(name, SECRET);
    mean(mark, MARK);
    for (const [name, meaning] of meanings) {
      if (!module.addName(this.#put(name), meaning)) throw new Error('too many names to look for');
    }
    for (const prefix of volatile.prefixes) module.addPrefix(this.#put(prefix), VOLATILE);
    for (const prefix of secrets.prefixes) module.addPrefix(this.#put(prefix), SECRET);
    for (const three of new Set(linkParameters.map((name) => name.slice(0, 3).toLowerCase()))) {
      this.#put(three);
      module.addLink();
    }
  }

  #put(text: string): number {
    this.#memory.fill(0, this.#input, this.#input + 64);
    return this.#memory.write(text, this.#input, 'latin1');
  }

  #attach(): void {
    const { buffer } = this.#module.memory;
    this.#memory = Buffer.from(buffer);
    this.#slots = new Uint32Array(buffer, this.#module.slotsAddress(), this.#names.slots.length * 3);
  }

  #grow(needed: number): void {
    this.#module.memory.grow(Math.ceil((needed - this.#memory.length) / 65_536));
    this.#attach();
  }

  #renew(): void {
    const module = instantiateWasm<ScanModule>('document-scan');
    if (module !== undefined) this.#begin(module);
  }
}

/** The same from the members' list: for names written with escapes, and where WebAssembly is not there. */
class PlainDocumentScanner implements DocumentScanner {
  readonly mayHoldSecret = true;
  readonly #places: ReadonlyMap<string, number>;
  readonly #volatile: DocumentNames['volatile'];
  readonly #mark: Buffer;
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  #bytes: Buffer = Buffer.alloc(0);
  #runs: Buffer[] = [];

  constructor({ slots, mark, volatile }: DocumentNames) {
    this.#places = new Map(slots.map((name, place) => [name, place]));
    this.#volatile = volatile;
    this.#mark = Buffer.from(mark);
    this.#starts = new Float64Array(slots.length);
    this.#ends = new Float64Array(slots.length);
  }

  scan(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#runs = [];
    this.#starts.fill(0);
    this.#ends.fill(0);
    let runStart = -1;
    let runEnd = -1;
    const endRun = (): void => {
      if (runStart >= 0) this.#runs.push(bytes.subarray(runStart, runEnd), COMMA);
      runStart = -1;
    };
    for (const member of jsonMembers(bytes, start, end)) {
      const place = this.#places.get(member.name);
      if (place !== undefined) {
        this.#starts[place] = member.start;
        this.#ends[place] = member.end;
      }
      if (this.#isVolatile(member.name)) {
        endRun();
        continue;
      }
      if (runStart < 0) runStart = member.nameStart;
      runEnd = member.end;
    }
    endRun();
    let first = start;
    while (first < end && (bytes[first] ?? 0) <= 0x20) first += 1;
    return bytes[first] === 0x7b;
  }

  startOf(slot: number): number {
    return this.#starts[slot] ?? 0;
  }

  endOf(slot: number): number {
    return this.#ends[slot] ?? 0;
  }

  holdsMark(slot: number): boolean {
    const value = this.#bytes.subarray(this.startOf(slot), this.endOf(slot));
    return value.includes(this.#mark) || value.includes(BACKSLASH);
  }

  holdsNull(slot: number): boolean {
    return this.#bytes.subarray(this.startOf(slot), this.endOf(slot)).includes(NULL);
  }

  digestBytes(): Buffer {
    return Buffer.concat(this.#runs);
  }

  #isVolatile(name: string): boolean {
    return this.#volatile.names.includes(name) || this.#volatile.prefixes.some((prefix) => name.startsWith(prefix));
  }
}

const COMMA = Buffer.from(',');
const BACKSLASH = Buffer.from('\\');
const NULL = Buffer.from('null');
