// Compiles every module in assembly/ to wasm/<name>.wasm. Run by `npm run build:wasm`.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
/** The compiler, as far as it is used here. Its own types declare globals (an `at()` that is never undefined) for all of the project. */
interface Compiler {
  main(
    args: readonly string[],
  ): Promise<{ readonly error: Error | null; readonly stdout: object; readonly stderr: object }>;
}

const compiler: string = 'assemblyscript/asc';
const { default: asc } = (await import(compiler)) as { readonly default: Compiler };

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
mkdirSync('wasm', { recursive: true });

for (const file of readdirSync('assembly')
  .filter((name) => name.endsWith('.ts'))
  .sort()) {
  const target = `wasm/${basename(file, '.ts')}.wasm`;
  const { error, stdout, stderr } = await asc.main([
    `assembly/${file}`,
    '--outFile',
    target,
    // No garbage collector and no abort handler: the modules lay out their memory themselves.
    '--runtime',
    'stub',
    '--use',
    'abort=',
    '--enable',
    'simd',
    '--optimizeLevel',
    '3',
    '--shrinkLevel',
    '0',
    '--converge',
    '--noAssert',
    '--memoryBase',
    '16',
    '--initialMemory',
    '8',
  ]);
  if (error) {
    process.stderr.write(`${stdout.toString()}${stderr.toString()}${error.message}\n`);
    process.exitCode = 1;
  } else {
    process.stderr.write(`${target}: ${statSync(target).size} bytes\n`);
  }
}
