import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  complete,
  growingObject,
  isSameText,
  ShorterText,
  type GrowingObject,
} from '../../src/formats/growing-json.ts';

/** Reads objects that stand one after the other in a list, as they are read where they grow. */
function readGrowing(texts: readonly string[]): { readonly values: unknown[]; readonly parsedBytes: number } {
  const bytes = Buffer.from(texts.join('\n'));
  const objects: GrowingObject[] = [];
  const values: unknown[] = [];
  let at = 0;
  let parsedBytes = 0;
  for (const text of texts) {
    const object = growingObject(bytes, at, objects.at(-1));
    assert.equal(object.end, at + Buffer.byteLength(text), text);
    const shorter = new ShorterText(bytes, at);
    shorter.leaveOutRepeated(object);
    const rest = shorter.upTo(object.end);
    const value: unknown = JSON.parse(rest);
    complete(value as Record<string, unknown>, object, values.at(-1) as Record<string, unknown>);
    parsedBytes += rest.length;
    objects.push(object);
    values.push(value);
    at = object.end + 1;
  }
  return { values, parsedBytes };
}

test('objects that grow are read as JSON.parse reads them', async (t) => {
  const cases: readonly (readonly [string, ...string[]])[] = [
    ['a list that grows', '{"a":[1]}', '{"a":[1,2]}', '{"a":[1,2,3]}', '{"a":[1,2,3]}'],
    ['a number that goes on', '{"a":[1],"b":1}', '{"a":[12],"b":12}', '{"a":[12.5],"b":12.5}', '{"a":[12.5e3],"b":-1}'],
    ['a list that was empty', '{"a":[]}', '{"a":[]}', '{"a":[[]]}', '{"a":[[],{}]}', '{"a":[]}'],
    ['white space', '{"a":[1 ]}', '{ "a" : [1 , 2] , "b":3 }', '{ "a" : [1 , 2 ], "b":3}', '{"a":[1 , 2 ,3]}'],
    ['text that ends like one', '{"a":["x]"]}', '{"a":["x]","y"]}', '{"a":["x],\\""]}', '{"a":["x],\\"","]"]}'],
    ['a name that stands twice', '{"a":[1],"a":[1,2]}', '{"a":[1,2]}', '{"a":[1,2],"a":[1]}', '{"a":[1]}'],
    ['another order', '{"a":[1],"b":{"c":2}}', '{"b":{"c":2},"a":[1,3]}', '{"a":[1,3]}', '{}', '{"a":[1,3]}'],
    [
      'another kind',
      '{"a":[1]}',
      '{"a":{"0":1}}',
      '{"a":"[1"}',
      '{"a":null}',
      '{"a":nullify}'.replace('nullify', 'true'),
    ],
    ['names with escapes', '{"\\u0061":[1]}', '{"a":[1,2]}', '{"\\u0061":[1,2,3]}'],
    [
      'a name that objects have',
      '{"__proto__":[1]}',
      '{"__proto__":[1,2]}',
      '{"constructor":[1]}',
      '{"constructor":[1,2]}',
    ],
    ['names that are numbers', '{"2":[1],"1":[2]}', '{"2":[1,1],"1":[2]}'],
    ['other alphabets', '{"ä":["ö"]}', '{"ä":["ö","𝄞"]}', '{"ä":["ö","𝄞","x"]}'],
    ['what is no object', '[1]', '{"a":[1]}', '"text"', '{"a":[1]}', '7', 'null'],
  ];
  for (const [name, ...texts] of cases) {
    await t.test(name, () => {
      const { values } = readGrowing(texts);
      assert.deepEqual(
        values.map((value) => JSON.stringify(value)),
        texts.map((text) => JSON.stringify(JSON.parse(text))),
      );
    });
  }
});

test('any objects, one after the other, are read as JSON.parse reads them', () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const list = fc.array(value, { maxLength: 4 });
  const channels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(list, value));
  const spaces = fc.constantFrom(0, 0, 1);
  fc.assert(
    fc.property(fc.array(fc.tuple(channels, fc.array(value), spaces), { maxLength: 6 }), (steps) => {
      let before: Readonly<Record<string, unknown>> = {};
      const texts = steps.map(([change, more, space]) => {
        // Lists are mostly added to.
        const grown = Object.entries(before).map(([name, old]) => [name, Array.isArray(old) ? [...old, ...more] : old]);
        before = { ...Object.fromEntries(grown), ...(more.length % 2 === 0 ? {} : change) };
        return JSON.stringify(before, undefined, space);
      });
      const { values } = readGrowing(texts);
      assert.deepEqual(
        values.map((read) => JSON.stringify(read)),
        texts.map((text) => JSON.stringify(JSON.parse(text))),
      );
    }),
  );
});

test('of what only grows, what is new is parsed, and the rest is shared', () => {
  const messages = Array.from({ length: 50 }, (_, index) => ({ id: index, text: 'word '.repeat(20) }));
  const texts = messages.map((_, index) => JSON.stringify({ messages: messages.slice(0, index + 1), same: messages }));
  const { values, parsedBytes } = readGrowing(texts);
  const states = values as { readonly messages: readonly unknown[]; readonly same: unknown }[];
  assert.equal(states[49]?.messages[0], states[0]?.messages[0]);
  assert.equal(states[49]?.same, states[0]?.same);
  assert.ok(parsedBytes < 2 * JSON.stringify({ messages, same: messages }).length, `${parsedBytes} bytes were parsed`);
});

test('texts are compared to their ends', () => {
  const other = Buffer.from('{"a":1}  [1]"x"12');
  const cases: readonly (readonly [string, number, { readonly start: number; readonly end: number }, boolean])[] = [
    ['{"a":1}', 0, { start: 0, end: 7 }, true],
    ['{"a":1', 0, { start: 0, end: 7 }, false],
    ['{"a":2}', 0, { start: 0, end: 7 }, false],
    [' [1],', 1, { start: 9, end: 12 }, true],
    ['"x"', 0, { start: 12, end: 15 }, true],
    // Where a number ends is not in its text.
    ['12', 0, { start: 15, end: 17 }, false],
  ];
  for (const [text, at, range, expected] of cases)
    assert.equal(isSameText(Buffer.from(text), at, other, range), expected, text);
});
