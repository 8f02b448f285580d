import assert from 'node:assert/strict';
import test from 'node:test';
import { createWasmBsonConverter } from '../../src/formats/bson-converter.ts';
import { acquireJsonScanner, releaseJsonScanner } from '../../src/formats/json-scanner.ts';
import { TypeScriptJsonScanner } from '../../src/formats/json-scanner-typescript.ts';
import { instantiateWasm } from '../../src/formats/webassembly.ts';

test('the modules are built, so that tests of both twins test two', () => {
  for (const name of ['json-scan', 'bson-json', 'document-scan', 'xxhash64']) {
    const host = { formatDouble: () => 0, formatDecimal: () => 0 };
    assert.ok(instantiateWasm(name, { host }), `wasm/${name}.wasm is missing: npm run build:wasm`);
  }
  const scanner = acquireJsonScanner('lines');
  assert.ok(!(scanner instanceof TypeScriptJsonScanner));
  releaseJsonScanner(scanner);
  assert.ok(createWasmBsonConverter());
});

test('instantiateWasm gives nothing for a module that was not built', () => {
  assert.equal(instantiateWasm('absent'), undefined);
  assert.equal(instantiateWasm('absent'), undefined);
});

test('acquireJsonScanner gives back a released scanner at the start of its input', () => {
  for (const engine of ['wasm', 'typescript'] as const) {
    const first = acquireJsonScanner('values', engine);
    const open = Buffer.from('{"a":[');
    first.scan(open, 0, open.length);
    releaseJsonScanner(first);
    const second = acquireJsonScanner('lines', engine);
    assert.equal(second, first);
    const whole = Buffer.from('1\n2');
    assert.equal(second.scan(whole, 0, whole.length), 1);
    assert.deepEqual([second.events[0], second.finish()], [1, 0]);
    releaseJsonScanner(second);
  }
});
