import type { JsonText } from './json-text.ts';
import { decimal128Text } from './decimal128-text.ts';
import { instantiateWasm, type WasmMemory } from './webassembly.ts';

/** How BSON types that JSON does not have are written; see `bsonToJson`. */
export type BsonTypes = 'plain' | 'relaxed' | 'canonical';

/** Turns one document into JSON text at a time. */
export interface BsonConverter {
  /** Where in the document the last error is. */
  readonly errorAt: number;
  /**
   * Appends `bytes[start .. end)` as JSON text and a line feed: gives the length of the text without its line feed, or one of
   * `bsonErrors`, and nothing is appended then.
   */
  append(out: JsonText, bytes: Buffer, start: number, end: number, types: BsonTypes): number;
}

/** A converter that takes memory of its own, which grows with the largest document and never shrinks. */
export interface WasmBsonConverter extends BsonConverter {
  readonly memoryBytes: number;
}

export const bsonErrors = {
  size: -1,
  string: -2,
  past: -3,
  type: -4,
  nestedSize: -5,
  end: -6,
  boolean: -7,
  binary: -8,
  depth: -9,
} as const;
const NO_ROOM = -10;

/** A double as JavaScript prints it, but -0 keeps its sign; `canonical` gives integers a fraction. */
export function doubleText(x: number, canonical: boolean): string {
  if (Object.is(x, -0)) return '-0.0';
  return canonical && Number.isInteger(x) ? x.toFixed(1) : String(x);
}

interface ConvertModule {
  readonly memory: WasmMemory;
  inputAddress(): number;
  errorAt(): number;
  convert(start: number, end: number, out: number, outEnd: number, types: number): number;
}

const modes: Record<BsonTypes, number> = { plain: 0, relaxed: 1, canonical: 2 };
const USUAL_BYTES = 1_048_576;
const INPUT_PADDING = 64;

/** The converter in WebAssembly, undefined where that is not there. */
export function createWasmBsonConverter(): WasmBsonConverter | undefined {
  let memory: Buffer;
  const write = (text: string, address: number) => memory.write(text, address, 'latin1');
  const host = {
    formatDouble: (x: number, canonical: number, address: number) => write(doubleText(x, canonical !== 0), address),
    formatDecimal: (from: number, address: number) => write(decimal128Text(memory, from), address),
  };
  const module = instantiateWasm<ConvertModule>('bson-json', { host });
  if (!module) return undefined;
  const input = module.inputAddress();
  memory = Buffer.from(module.memory.buffer);

  const reserve = (end: number): void => {
    if (end <= memory.length) return;
    module.memory.grow(Math.ceil((end - memory.length) / 65_536));
    memory = Buffer.from(module.memory.buffer);
  };
  return {
    get memoryBytes() {
      return memory.length;
    },
    get errorAt() {
      return module.errorAt();
    },
    append(text, bytes, start, end, types) {
      const out = input + end - start + INPUT_PADDING;
      reserve(Math.max(USUAL_BYTES, out + (end - start) * 2 + 4096));
      bytes.copy(memory, input, start, end);
      while (true) {
        const length = module.convert(input, input + end - start, out, memory.length, modes[types]);
        if (length === NO_ROOM) {
          reserve(memory.length + (memory.length - out));
          continue;
        }
        if (length >= 0) text.raw(memory.subarray(out, out + length + 1));
        return length;
      }
    },
  };
}
