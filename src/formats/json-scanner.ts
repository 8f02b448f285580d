import type { Engine } from './json-chunk.ts';
import type { JsonScanner, ScanMode } from './json-scan-events.ts';
import { TypeScriptJsonScanner } from './json-scanner-typescript.ts';
import { instantiateWasm, type WasmMemory } from './webassembly.ts';

const idle: Record<Engine, JsonScanner[]> = { wasm: [], typescript: [] };

/** A scanner at the start of its input. Give it back with `releaseJsonScanner` when done. */
export function acquireJsonScanner(mode: ScanMode, engine: Engine = 'wasm'): JsonScanner {
  const wasm = engine === 'wasm' ? (idle.wasm.pop() ?? createWasmScanner()) : undefined;
  const scanner = wasm ?? idle.typescript.pop() ?? new TypeScriptJsonScanner();
  scanner.reset(mode);
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
  reset(lines: number): void;
  scan(length: number): number;
  stopped(): number;
  finish(): number;
}

function createWasmScanner(): JsonScanner | undefined {
  const module = instantiateWasm<ScanModule>('json-scan');
  if (!module) return undefined;
  const blockBytes = module.blockBytes();
  // The memory never grows, so the views stay good.
  const block = new Uint8Array(module.memory.buffer, module.blockAddress(), blockBytes);
  const events = new Uint32Array(module.memory.buffer, module.eventsAddress(), blockBytes);
  return {
    blockBytes,
    events,
    get stopped() {
      return module.stopped();
    },
    reset: (mode) => module.reset(mode === 'lines' ? 1 : 0),
    scan(bytes, from, to) {
      block.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
      return module.scan(to - from);
    },
    finish: () => module.finish(),
  };
}
