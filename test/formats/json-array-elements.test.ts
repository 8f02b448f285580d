import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { jsonArrayElements } from '../../src/formats/json-array-elements.ts';
import { jsonRecordText } from '../../src/formats/json-records.ts';

function texts(text: string | Buffer): string[] | undefined {
  const found = jsonArrayElements(Buffer.from(text));
  return found === undefined ? undefined : Array.from({ length: found.count }, (_, i) => jsonRecordText(found, i));
}

test('elements come as they stand in the text', async (t) => {
  for (const [text, expected] of [
    ['[]', []],
    [' [ ] ', []],
    ['[1]', ['1']],
    [' [ {"a": [1, 2]} , "x,]" ]\t', ['{"a": [1, 2]}', '"x,]"']],
    ['[1.0,1e400,{"a":1,"a":2}]', ['1.0', '1e400', '{"a":1,"a":2}']],
    ['[\n  {"a":\n 1}\n]\n', ['{"a":1}']],
  ] as const) {
    await t.test(text, () => assert.deepEqual(texts(text), expected));
  }
});

test('what is not one JSON array in UTF-8 has none', async (t) => {
  const broken = [
    '',
    ' ',
    '{}',
    '[',
    '[1',
    '[1,]',
    '[,1]',
    '[1}',
    '[1]]',
    '[1] x',
    '[1 2]',
    '[01]',
    '<html>',
    '[\n1,]',
    'null',
  ];
  for (const text of broken) await t.test(JSON.stringify(text), () => assert.equal(texts(text), undefined));
  assert.equal(texts(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])), undefined);
});

test('an array larger than a block of the scanner is read like any other', () => {
  const values = Array.from({ length: 4000 }, (_, i) => ({ i, text: 'é"\\'.repeat(i % 50) }));
  assert.deepEqual(
    texts(JSON.stringify(values))?.map((text) => JSON.parse(text)),
    values,
  );
});

test('any array gives its elements', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, indent) => {
      const found = texts(JSON.stringify(values, undefined, indent));
      assert.deepEqual(
        found?.map((text) => JSON.parse(text)),
        JSON.parse(JSON.stringify(values)),
      );
    }),
  );
});

test('a member that ends with the mark is never overlooked', async (t) => {
  const found = (text: string): boolean | undefined => jsonArrayElements(Buffer.from(text), 'point_ns')?.mayHoldMark;
  for (const [text, expected] of [
    ['[{"checkpoint_ns":""}]', false],
    ['[{"checkpoint_ns" : "" , "a":"b"}]', false],
    ['[{"checkpoint_ns":null,"a":"b"}]', false],
    ['["checkpoint_ns","b"]', false],
    ['[{"checkpoint_ns":"sub:1"}]', true],
    ['[{"a":[{"checkpoint_ns" :\n "sub"}]}]', true],
    ['[{"checkpoint_ns":"","b":{"checkpoint_ns":"\u0061"}}]', true],
  ] as const) {
    await t.test(text, () => assert.equal(found(text), expected));
  }
  // Wherever it lies to the blocks of the scanner.
  for (let filler = 65_500; filler < 65_545; filler += 1) {
    assert.equal(found(`[{"a":"${'x'.repeat(filler)}","checkpoint_ns":"sub"}]`), true, `${filler}`);
  }
});
