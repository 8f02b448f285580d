import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  exactNumber,
  markNumbers,
  NumberMarker,
  unmarkNumbers,
  type KeptNumbers,
} from '../../src/formats/exact-numbers.ts';

/** What becomes of JSON text that is parsed and written again. */
function through(json: string, kept: KeptNumbers): string {
  const text = Buffer.from(markNumbers(Buffer.from(json), kept)).toString();
  return unmarkNumbers(JSON.stringify(JSON.parse(text)));
}

test('numbers that JavaScript does not keep come through', async (t) => {
  const cases: readonly (readonly [json: string, forms: string, digits: string])[] = [
    ['1152921504606846977', '1152921504606846977', '1152921504606846977'],
    ['-9223372036854775808', '-9223372036854775808', '-9223372036854775808'],
    ['9007199254740993', '9007199254740993', '9007199254740993'],
    ['9007199254740992', '9007199254740992', '9007199254740992'],
    ['{"a":3.0,"b":[-0.0,0.0,10.0,1.5]}', '{"a":3.0,"b":[-0.0,0.0,10.0,1.5]}', '{"a":3,"b":[0,0,10,1.5]}'],
    ['[1e16,1E5,100.00]', '[10000000000000000.0,100000.0,100.0]', '[10000000000000000,100000,100]'],
    [
      '[1e22,1e-7,0.1,1,-1,0,true,false,null]',
      '[1e+22,1e-7,0.1,1,-1,0,true,false,null]',
      '[1e+22,1e-7,0.1,1,-1,0,true,false,null]',
    ],
    [
      '{"3.0":"3.0","t":"9007199254740993 \\" 1.0"}',
      '{"3.0":"3.0","t":"9007199254740993 \\" 1.0"}',
      '{"3.0":"3.0","t":"9007199254740993 \\" 1.0"}',
    ],
    ['{"a\\\\":2.0}', '{"a\\\\":2.0}', '{"a\\\\":2}'],
  ];
  for (const [json, forms, digits] of cases) {
    await t.test(json, () => {
      assert.equal(through(json, 'forms'), forms);
      assert.equal(through(json, 'digits'), digits);
    });
  }
});

test('a marked number is known, and text is none', () => {
  const [exact, text] = JSON.parse(
    Buffer.from(markNumbers(Buffer.from('[3.0,"3.0"]'), 'forms')).toString(),
  ) as unknown[];
  assert.equal(exactNumber(exact), '3.0');
  assert.deepEqual([exactNumber(text), exactNumber(3), exactNumber(null)], [undefined, undefined, undefined]);
});

test('what has no such numbers stays the same bytes', () => {
  const json = Buffer.from('{"a":[1,2.5,"x"],"b":null}');
  assert.equal(markNumbers(json, 'forms'), json);
});

test('any JSON comes through, cut anywhere', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.array(fc.nat(80)), (json, cuts) => {
      const bytes = Buffer.from(json.replaceAll(/(?<=[[,:])([0-9]{1,3})(?=[,\]}])/g, '$1.0'));
      const marker = new NumberMarker('forms');
      const pieces: Uint8Array[] = [];
      let from = 0;
      for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
        pieces.push(Buffer.from(marker.push(bytes.subarray(from, Math.max(from, cut)))));
        from = Math.max(from, cut);
      }
      pieces.push(marker.end());
      assert.equal(Buffer.concat(pieces).toString(), Buffer.from(markNumbers(bytes, 'forms')).toString());
      assert.deepEqual(JSON.parse(unmarkNumbers(Buffer.concat(pieces).toString())), JSON.parse(bytes.toString()));
    }),
  );
});
