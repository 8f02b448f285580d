import type { DocumentNames, DocumentScanner } from './document-scan.ts';
import { PlainDocumentScanner } from './plain-document-scanner.ts';
import { instantiateWasm, type WasmMemory } from './webassembly.ts';

export type { DocumentNames, DocumentScanner } from './document-scan.ts';

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
// The memory of a module never shrinks: longer documents are looked at without it.
const MOST_BYTES = 1024 * 1024;

class WasmDocumentScanner implements DocumentScanner {
  readonly #names: DocumentNames;
  readonly #plain: PlainDocumentScanner;
  readonly #module: ScanModule;
  readonly #input: number;
  #memory: Buffer;
  #slots: Uint32Array;
  #offset = 0;
  #result = 0;
  #isPlain = false;

  constructor(module: ScanModule, names: DocumentNames, plain: PlainDocumentScanner) {
    this.#names = names;
    this.#plain = plain;
    this.#module = module;
    this.#input = module.inputAddress();
    this.#memory = Buffer.alloc(0);
    this.#slots = new Uint32Array(0);
    this.#attach();
    this.#addNames();
  }

  get mayHoldSecret(): boolean {
    return this.#isPlain ? this.#plain.mayHoldSecret : (this.#result & MAY_HOLD_SECRET) !== 0;
  }

  scan(bytes: Buffer, start: number, end: number): boolean {
    this.#isPlain = end - start > MOST_BYTES || this.#isOdd(bytes, start, end);
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

  digestPieces(): readonly Buffer[] {
    if (this.#isPlain) return this.#plain.digestPieces();
    return [this.#memory.subarray(this.#input, this.#input + this.#module.gatherRuns())];
  }

  #isOdd(bytes: Buffer, start: number, end: number): boolean {
    const needed = this.#input + end - start + PADDING;
    if (needed > this.#memory.length) this.#grow(needed);
    bytes.copy(this.#memory, this.#input, start, end);
    this.#offset = start;
    this.#result = this.#module.scan(end - start);
    return (this.#result & IS_ODD) !== 0;
  }

  #addNames(): void {
    const { slots, mark, volatile, secrets, linkParameters } = this.#names;
    const meanings = new Map<string, number>();
    const mean = (name: string, meaning: number): void => void meanings.set(name, (meanings.get(name) ?? 0) | meaning);
    for (const [place, name] of slots.entries()) mean(name, place + 1);
    for (const name of volatile.names) mean(name, VOLATILE);
    for (const name of secrets.names) mean(name, SECRET);
    mean(mark, MARK);
    for (const [name, meaning] of meanings) {
      if (!this.#module.addName(this.#put(name), meaning)) throw new Error('too many names to look for');
    }
    for (const prefix of volatile.prefixes) this.#module.addPrefix(this.#put(prefix), VOLATILE);
    for (const prefix of secrets.prefixes) this.#module.addPrefix(this.#put(prefix), SECRET);
    for (const three of new Set(linkParameters.map((name) => name.slice(0, 3).toLowerCase()))) {
      this.#put(three);
      this.#module.addLink();
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
}
