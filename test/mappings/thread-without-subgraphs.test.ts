import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { threadWithoutSubgraphs } from '../../src/mappings/thread-without-subgraphs.ts';

const cut = (text: string): string => threadWithoutSubgraphs(Buffer.from(text)).toString();

test('threadWithoutSubgraphs leaves what it keeps as it was written', async (t) => {
  const own = '{"values":{"n":3.0,"big":12345678901234567890},"checkpoint":{"checkpoint_id":"a","checkpoint_ns":""}}';
  const unnamed = '{ "checkpoint" : {"checkpoint_id":"b"} , "values":{"checkpoint":{"checkpoint_ns":"x"}}}';
  const sub = '{"values":{},"checkpoint":{"checkpoint_ns":"inner:1","checkpoint_id":"c"}}';
  const nothing = '{"checkpoint":{"checkpoint_ns":null}}';
  const cases: Readonly<Record<string, readonly [given: string, expected: string]>> = {
    'nothing to cut': [`{"history":[${own}],"thread_id":"t"}`, `{"history":[${own}],"thread_id":"t"}`],
    'one in the middle': [`{"history":[${own},${sub},${unnamed}]}`, `{"history":[${own},${unnamed}]}`],
    'the first and the last': [
      `{"a":1.0,"history":[${sub}, ${own} ,${sub}],"b":2.50}`,
      `{"a":1.0,"history":[${own}],"b":2.50}`,
    ],
    'all of a part': [`{"history":[${sub},${sub}],"part":{"number":2}}`, `{"history":[],"part":{"number":2}}`],
    'an empty history': ['{"history":[]}', '{"history":[]}'],
    'no history': ['{"thread_id":"t"}', '{"thread_id":"t"}'],
    'a namespace that is null': [`{"history":[${nothing},${sub}]}`, `{"history":[${nothing}]}`],
    'two histories, of which the last counts': [
      `{"history":[${sub}],"history":[${sub},${own}]}`,
      `{"history":[${sub}],"history":[${own}]}`,
    ],
  };
  for (const [name, [given, expected]] of Object.entries(cases))
    await t.test(name, () => assert.equal(cut(given), expected));
});

test('threadWithoutSubgraphs keeps the entries that filtering the values keeps', () => {
  const entry = fc.record({
    values: fc.jsonValue(),
    checkpoint: fc.record({ checkpoint_ns: fc.constantFrom('', 'inner:1', 'a:1|b:2', 'naïve "quoted"') }),
  });
  const record = fc.record({ thread: fc.jsonValue(), history: fc.array(entry), origin: fc.jsonValue() });
  fc.assert(
    fc.property(record, fc.constantFrom(undefined, 2), (value, indent) => {
      const given = JSON.parse(JSON.stringify(value)) as typeof value;
      const history = given.history.filter(({ checkpoint }) => checkpoint.checkpoint_ns === '');
      assert.deepEqual(JSON.parse(cut(JSON.stringify(given, null, indent))), { ...given, history });
    }),
  );
});
