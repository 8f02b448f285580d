import type { Engine } from './json-chunk.ts';
import type { JsonScanner, ScanMode } from './json-scan-events.ts';
import { TypeScriptJsonScanner } from './json-scanner-typescript.ts';
import { instantiateWasm, type WasmMemory } from './webassembly.ts';

const idle: Record<Engine, JsonScanner[]> = { wasm: [], typescript: [] };

/** A scanner at the start of its input. Give it back with `releaseJsonScanner` when done. */
export function acquireJsonScanner(mode: ScanMode, engine: Engine = 'wasm', mark?: string): JsonScanner {
  const wasm = engine === 'wasm' ? (idle.wasm.pop() ?? createWasmScanner()) : undefined;
  const scanner = wasm ?? idle.typescript.pop() ?? new TypeScriptJsonScanner();
  scanner.reset(mode, mark);
  return scanner;
}

/** Keeps a scanner for the next reader: an instance reserves gigabytes of address space, so they are few. */
export function releaseJsonScanner(scanner: JsonScanner): void {
  idle[scanner instanceof TypeScriptJsonScanner ? 'typescript' : 'wasm'].push(scanner);
}

interface ScanModule {
  readonly memory: WasmMemory;
  blockAddress(): number;
  blockBytes(): number;
  eventsAddress(): number;
  reset(lines: number, markLow: number, markHigh: number): void;
  mayHoldMark(): number;
  hasBreaks(): number;
  scan(length: number): number;
  stopped(): number;
  finish(): number;
}

function createWasmScanner(): JsonScanner | undefined {
  const module = instantiateWasm<ScanModule>('json-scan');
  if (!module) return undefined;
  const blockBytes = module.blockBytes();
  const markBytes = Buffer.alloc(8);
  let known: string | undefined;
  // The memory never grows, so the views stay good.
  const block = new Uint8Array(module.memory.buffer, module.blockAddress(), blockBytes);
  const events = new Uint32Array(module.memory.buffer, module.eventsAddress(), blockBytes);
  return {
    blockBytes,
    events,
    get stopped() {
      return module.stopped();
    },
    reset(mode, mark) {
      if (mark !== known) {
        markBytes.fill(0);
        if (mark !== undefined) markBytes.write(mark, 'latin1');
        known = mark;
      }
      module.reset(mode === 'lines' ? 1 : 0, markBytes.readUInt32LE(0), markBytes.readUInt32LE(4));
    },
    get mayHoldMark() {
      return module.mayHoldMark() !== 0;
    },
    get mayHoldBreaks() {
      return module.hasBreaks() !== 0;
    },
    scan(bytes, from, to) {
      block.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
      return module.scan(to - from);
    },
    finish: () => module.finish(),
  };
}
