import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';
import jsonata from 'jsonata';

import { EtlError } from '../src/errors.ts';
import { compileExpression, isTrue } from '../src/expression.ts';

const record = {
  role: 'user',
  n: 3,
  zero: 0,
  empty: '',
  no: null,
  yes: true,
  list: [1, 2],
  one: [7],
  none: [],
  deep: { a: { b: 'x' } },
  many: [{ v: 1 }, { v: 2 }],
};

/** What JSONata itself gives, as JSON. */
async function oracle(text: string, input: unknown): Promise<string> {
  try {
    return String(JSON.stringify(await jsonata(text).evaluate(input)));
  } catch (error) {
    return `error ${(error as { code?: string }).code ?? ''}`;
  }
}

async function ours(text: string, input: unknown): Promise<string> {
  try {
    return String(JSON.stringify(await compileExpression(text).evaluate(input)));
  } catch (error) {
    assert.ok(error instanceof EtlError, String(error));
    return `error ${/\((\w\d+)\)/.exec(error.message)?.[1] ?? ''}`;
  }
}

test('gives what JSONata gives', async (t) => {
  const texts = [
    'role = "user"',
    'role != "user"',
    'missing = "user"',
    'missing != "user"',
    'no = null',
    'no != null',
    'list = 1',
    'one = 7',
    'none = 1',
    'n > 2',
    'n >= "2"',
    'n > no',
    'missing > 2',
    'n < 2 or role > "a"',
    'yes and n',
    'empty or zero',
    'list and one',
    'none or no',
    'deep',
    '$not(yes)',
    '$not(missing)',
    '$not(list)',
    '$exists(none)',
    '$exists(missing)',
    '$exists(no)',
    '$boolean(deep)',
    '$boolean(none)',
    'role in ["user", "system"]',
    'n in [1, 2, 3]',
    'missing in [1]',
    'no in [null]',
    'list in [1]',
    'role in []',
    'deep in [1]',
    'many.v = 1',
    '$exists(many.v)',
    'many[0].v = 1',
    'deep.a.b = "x"',
    'role.length = 4',
    '(n = 3)',
    '-3 = n',
    'n = 3 and (role = "user" or $not(yes))',
    'list',
    'none',
    'many.v',
    '$',
    '"text"',
    'null',
    '$count(many) > 1',
    'role & "!"',
    '{"r": role, "v": many.v}',
    '$.role = "user"',
    'yes ? n : no',
    '$eval',
    'deep = deep',
    'list = list',
    '$not(n = 3, 1)',
    '$exists()',
    'n = 3 ~> $not()',
    'many.(v = 1)',
    'list[]',
    '*.a.b = "x"',
    '**.b',
    'no.x',
    'no > 1',
    '$match(role, /[aeiou](.)?/)',
    '$match(role, /S(e)|(x)/i)',
    '$match(role, /x*/)',
    '$replace(role, /(u)(s)/, "$2$1!")',
    '$replace(role, /[aeiou]/, function($m) { $uppercase($m.match) })',
    '$split("a, b;c", /[,;]\\s*/)',
    '$contains(role, /^us/)',
    'many[$contains($string(v), /2/)].v',
    '/s(.)/(role)',
    '/s/(role).next()',
  ];
  for (const text of texts) {
    await t.test(text, async () => {
      // `$eval` is the one thing we take away.
      assert.equal(await ours(text, record), text === '$eval' ? 'undefined' : await oracle(text, record));
    });
  }
});

test('gives what JSONata gives, for any simple condition on any record', async () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('.'));
  const literal = fc.constantFrom('1', '0', '-2', '"x"', '""', 'null', 'true', 'false');
  const operand = fc.oneof(path, literal);
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3 },
      path,
      fc.tuple(operand, fc.constantFrom('=', '!=', '<', '<=', '>', '>='), operand).map((parts) => parts.join(' ')),
      fc.tuple(operand, fc.array(literal, { maxLength: 3 })).map(([left, list]) => `${left} in [${list.join()}]`),
      fc
        .tuple(tie('condition'), fc.constantFrom('and', 'or'), tie('condition'))
        .map(([left, operator, right]) => `(${left}) ${operator} (${right})`),
      fc
        .tuple(fc.constantFrom('$not', '$exists', '$boolean'), tie('condition'))
        .map(([call, inner]) => `${call}(${inner})`),
    ),
  }));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<unknown>(1, 0, -2, 'x', '', null, true, false),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(condition, value, async (text, input) => {
      assert.equal(await ours(text, input), await oracle(text, input));
    }),
    { numRuns: 2000 },
  );
});

test('needs no promise for a simple condition', () => {
  assert.equal(compileExpression('role = "user" and n > 2').evaluate(record), true);
  assert.ok(compileExpression('$count(many) > 1').evaluate(record) instanceof Promise);
  // An array on the way is JSONata's to map over.
  assert.ok(compileExpression('many.v = 1').evaluate(record) instanceof Promise);
});

test('counts as true what JSONata counts as true', async () => {
  for (const value of [
    0,
    1,
    -1,
    '',
    '0',
    null,
    true,
    false,
    [],
    [0],
    [1],
    [0, 0],
    [0, 1],
    [[0], [1]],
    {},
    { a: 0 },
    [{}],
  ]) {
    assert.equal(isTrue(value), await jsonata('$boolean(value)').evaluate({ value: [value] }), JSON.stringify(value));
  }
});

test('names the column of a mistake', () => {
  for (const [text, column] of [
    ['role = ', 7],
    ['a ! b', 3],
    ['(a', 2],
    ['"open', 1],
  ] as const) {
    assert.throws(
      () => compileExpression(text),
      (error) =>
        error instanceof EtlError &&
        error.code === 'ETL_EXPRESSION_INVALID' &&
        (error.where.column ?? 0) >= column - 1 &&
        error.message.includes(text),
      text,
    );
  }
});

test('is a sandbox', async () => {
  const input: unknown = JSON.parse('{"code":"1+1","__proto__":{"polluted":1}}');
  assert.match(await ours('$eval(code)', input), /^error T1006/);
  assert.equal(await ours('constructor', input), 'undefined');
  assert.equal(await ours('$.toString', input), 'undefined');
  assert.equal(await ours('code.constructor', input), 'undefined');
  await compileExpression('$merge([$, {"a": 1}])').evaluate(input);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  assert.equal(await ours('$process', input), 'undefined');
});

test('a pattern that tries for ever is told at once, and one that cannot be matched so is refused with its place', async () => {
  const text = `${'a'.repeat(50_000)}b`;
  assert.equal(await ours('$contains(text, /(a+)+$/)', { text }), 'false');
  for (const [expression, column] of [
    ['$contains(text, /a(?=b)/)', 17],
    ['list[$match($, /(a)\\1/)]', 16],
    ['{"a": many.{"b": $f := function($x) { $replace($x, /a(?!b)/, "") }}}', 52],
  ] as const) {
    assert.throws(
      () => compileExpression(expression),
      (error) =>
        error instanceof EtlError &&
        error.code === 'ETL_EXPRESSION_INVALID' &&
        /cannot be matched/.test(error.message) &&
        error.message.includes(expression) &&
        Math.abs((error.where.column ?? 0) - column) <= 8,
      expression,
    );
  }
});

test('ends what takes longer than allowed', async () => {
  const text = 'a'.repeat(100_000);
  for (const expression of [
    '($f := function($x) { $f($x) }; $f(1))',
    // Each search goes to the end, and there are a hundred thousand of them.
    '$count($match(text, /a.*c|a/))',
  ]) {
    await assert.rejects(
      async () => compileExpression(expression, 20).evaluate({ text }),
      (error) =>
        error instanceof EtlError && /after 20 milliseconds.*D1012/.test(error.message) && /timeoutMs/.test(error.hint),
    );
  }
});

test('ends an expression that calls itself without end', async () => {
  assert.match(await ours('($f := function($x){ 1 + $f($x) }; $f(1))', {}), /^error D1011/);
  assert.match(await ours('[1..100000000]', {}), /^error D2014/);
});
