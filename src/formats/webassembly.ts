import { readFileSync } from 'node:fs';

// The part of the WebAssembly JavaScript interface used here; TypeScript ships it only with the DOM library.
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
type WasmModule = object;
type WasmImports = Record<string, Record<string, unknown>>;
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => { readonly exports: unknown };
}
// Every supported Node has it; with --jitless it is absent and the TypeScript twins do the work.
const api = (globalThis as { WebAssembly?: WasmApi }).WebAssembly;

const modules = new Map<string, WasmModule | undefined>();

/**
 * A fresh instance of `wasm/<name>.wasm`, or undefined where the module was not built or cannot run here.
 *
 * The caller says what the module exports; `assembly/<name>.ts` is where that is written down.
 */
export function instantiateWasm<Exports>(name: string, imports: WasmImports = {}): Exports | undefined {
  if (api === undefined) return undefined;
  if (!modules.has(name)) modules.set(name, compile(api, name));
  const module = modules.get(name);
  return module && (new api.Instance(module, imports).exports as Exports);
}

function compile(wasm: WasmApi, name: string): WasmModule | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(new URL(`../../wasm/${name}.wasm`, import.meta.url));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return new wasm.Module(bytes);
  } catch {
    // A processor without SIMD: the module does not validate there.
    return undefined;
  }
}
