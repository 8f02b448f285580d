import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const twice = `
  const { acquireJsonScanner, releaseJsonScanner } = await import(${JSON.stringify(new URL('../../src/formats/json-scanner.ts', import.meta.url).href)});
  const first = acquireJsonScanner('lines');
  releaseJsonScanner(first);
  console.log(typeof WebAssembly, acquireJsonScanner('lines') === first);
`;

/** What a process says that runs the program with these flags of Node. */
function said(flags: readonly string[]): string {
  const given = [...flags, '--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', twice];
  return execFileSync(process.execPath, given, { encoding: 'utf8' }).trim();
}

test('a scanner that was given back is taken again', () => {
  assert.equal(said([]), 'object true');
});

test('so it is where there is no WebAssembly', () => {
  assert.equal(said(['--jitless', '--no-expose-wasm']), 'undefined true');
});
