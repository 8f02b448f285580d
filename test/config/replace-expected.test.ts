import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';
import { parse } from 'yaml';

import { replaceExpected } from '../../src/config/replace-expected.ts';

const text = `# head
tests:
  - name: x   # why
    input: [{a: 1}]
    expect: # here
      # lead
      - a: 1
        b: |
          x

      - b
    # after
  - {name: y, input: [1], expect: [2 , 3]}   # flow
  - name: z
    expect:
    input: []
  - name: w
    input:
      - 1
    # last
  - { name: v, input: [ 'q' ] }
sink:   {type: drop}
`;

test('only the expected records change', () => {
  const cases: readonly (readonly [number, unknown[], (before: string) => string])[] = [
    [0, [{ a: 2 }], (before) => before.replace(/- a: 1\n[^]*- b\n/, '- a: 2\n')],
    [0, [], (before) => before.replace(/- a: 1\n[^]*- b\n/, '[]\n')],
    [1, [{ a: [] }, null], (before) => before.replace('[2 , 3]', '[{"a":[]},null]')],
    [2, ['x'], (before) => before.replace('expect:\n    input: []', 'expect: ["x"]\n    input: []')],
    [3, [1], (before) => before.replace('      - 1\n    # last', '      - 1\n    expect: [1]\n    # last')],
    [4, [1], (before) => before.replace("'q' ] }", "'q' ], expect: [1] }")],
  ];
  for (const [index, records, expected] of cases) assert.equal(replaceExpected(text, index, records), expected(text));
});

test('any records come back as they went in, and the other tests stay', () => {
  const record = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.constant(null),
    fc.dictionary(fc.string({ maxLength: 20 }), fc.string()),
  );
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), fc.nat(4), (records, index) => {
      const plain = JSON.parse(JSON.stringify(records)) as unknown[];
      const before = parse(text) as { tests: { expect?: unknown }[] };
      const after = parse(replaceExpected(text, index, plain)) as typeof before;
      assert.deepEqual(after.tests[index]?.expect, plain);
      for (const [other, value] of before.tests.entries())
        if (other !== index) assert.deepEqual(after.tests[other], value);
    }),
  );
});

test('a test that leaves no place for them is refused', () => {
  assert.throws(() => replaceExpected('tests: [{ name: a, expect }]\n', 0, [1]), { code: 'ETL_CONFIG_SYNTAX' });
  assert.throws(() => replaceExpected('tests: []\n', 0, [1]), { code: 'ETL_CONFIG_SYNTAX' });
});
