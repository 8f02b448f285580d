import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import test from 'node:test';
import fc from 'fast-check';
import pick from 'stream-json/filters/pick.js';
import streamArray from 'stream-json/streamers/stream-array.js';
import { FormatError } from '../../src/formats/format-error.ts';
import { splitJsonArray, type SplitJsonArrayOptions } from '../../src/formats/json-array.ts';
import type { Engine, JsonArrayChunk } from '../../src/formats/json-chunk.ts';
import { jsonLines } from '../../src/formats/json-lines-out.ts';
import { jsonRecordText } from '../../src/formats/json-records.ts';

const engines: Engine[] = ['wasm', 'typescript'];

function plain({ json, bad, elements, offsets, end }: JsonArrayChunk) {
  return {
    texts: Array.from({ length: json.count }, (_, i) => jsonRecordText(json, i)),
    bad,
    elements: [...elements],
    offsets: [...offsets],
    end,
  };
}

async function split(input: Uint8Array | string, options: SplitJsonArrayOptions = {}, cuts: readonly number[] = []) {
  const bytes = Buffer.from(input);
  const from = options.start?.offset ?? 0;
  const edges = [
    ...new Set([from, ...cuts.filter((cut) => cut > from && cut < bytes.length).sort((a, b) => a - b), bytes.length]),
  ];
  const pieces = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
  const chunks: ReturnType<typeof plain>[] = [];
  let error: unknown;
  try {
    for await (const chunk of splitJsonArray(pieces, options)) chunks.push(plain(chunk));
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    error = { message: thrown.message, offset: thrown.offset };
  }
  return {
    chunks,
    texts: chunks.flatMap(({ texts }) => texts),
    bad: chunks.flatMap(({ bad }) => bad),
    error: error as { message: string; offset: number } | undefined,
  };
}

const good: { name: string; input: string; at?: string; texts: string[] }[] = [
  { name: 'an empty array', input: '[]', texts: [] },
  { name: 'an empty array with white space', input: ' \n[ \n ]\r\n', texts: [] },
  { name: 'scalars', input: '[1,"a",true,null,-0.5e3]', texts: ['1', '"a"', 'true', 'null', '-0.5e3'] },
  {
    name: 'nested values',
    input: '[[],[[1]],{},{"a":[{"b":"]}"}]}]',
    texts: ['[]', '[[1]]', '{}', '{"a":[{"b":"]}"}]}'],
  },
  {
    name: 'brackets, quotes and commas in strings',
    input: '["],[","\\"],","\\\\"]',
    texts: ['"],["', '"\\"],"', '"\\\\"'],
  },
  { name: 'a byte order mark', input: '\ufeff[1]', texts: ['1'] },
  { name: 'white space around elements', input: '[ 1 ,\t{"a": 1} , \n"x y"\r\n]', texts: ['1', '{"a": 1}', '"x y"'] },
  {
    name: 'pretty-printed elements',
    input: '[\n  {\n    "a": [\n      1,\n      2\n    ],\r\n    "b c": "d\\ne"\n  }\n]\n',
    texts: ['{"a": [1,2],"b c": "d\\ne"}'],
  },
  { name: 'one element a line', input: '[\n{"a":1},\n{"a":2}\n]', texts: ['{"a":1}', '{"a":2}'] },
  { name: 'a lone carriage return', input: '[{"a":\r 1}]', texts: ['{"a":1}'] },
  { name: 'an array of a member', input: '{"threads":[1,2]}', at: 'threads', texts: ['1', '2'] },
  {
    name: 'members before and after',
    input: '{"x":{"threads":[9]},"y":[{"z":"}"}],"threads":[1],"n":-1.5e2,"t":true}',
    at: 'threads',
    texts: ['1'],
  },
  {
    name: 'an array in nested objects',
    input: '{"b":[0],"a":{"a":{"b":[8]},"b":[1,2],"c":{}},"c":null}',
    at: 'a.b',
    texts: ['1', '2'],
  },
  { name: 'a path that occurs twice', input: '{"a":[1],"a":[],"b":2,"a":[ ],"a":[3]}', at: 'a', texts: ['1', '3'] },
  {
    name: 'a path through a value that is no object',
    input: '{"a":[1],"a":"x","a":{"b":[2]}}',
    at: 'a.b',
    texts: ['2'],
  },
  { name: 'an escaped member name', input: '{"\\u0061\\"":[1]}', at: 'a"', texts: ['1'] },
  { name: 'a member without a name', input: '{"":[1]}', at: '', texts: ['1'] },
  { name: 'line breaks outside', input: '{\n  "a" :\n  {\n  "b"\n:\n[\n1\n]\n}\n}\n', at: 'a.b', texts: ['1'] },
];

const broken: { name: string; input: string; at?: string; texts: string[]; offset: number; message: RegExp }[] = [
  { name: 'nothing', input: '', texts: [], offset: 0, message: /ends early, at byte 0$/ },
  {
    name: 'an input cut between elements',
    input: '[1,2,',
    texts: ['1', '2'],
    offset: 5,
    message: /ends early, at byte 5 inside the array, in or before element 2/,
  },
  {
    name: 'an input cut in an element',
    input: '[1,{"a":"b',
    texts: ['1'],
    offset: 10,
    message: /ends early, at byte 10 inside the array, in or before element 1/,
  },
  { name: 'an input cut in a number', input: '[1,2', texts: ['1'], offset: 4, message: /ends early/ },
  {
    name: 'an input cut behind the array',
    input: '{"a":[1]',
    at: 'a',
    texts: ['1'],
    offset: 8,
    message: /ends early, at byte 8$/,
  },
  {
    name: 'something behind the array',
    input: '[1] x',
    texts: ['1'],
    offset: 4,
    message: /expected nothing more at byte 4, found "x"/,
  },
  { name: 'a second array', input: '[1][2]', texts: ['1'], offset: 3, message: /nothing more/ },
  {
    name: 'an object instead of an array',
    input: '{"a":[1]}',
    texts: [],
    offset: 0,
    message: /expected an array at byte 0, found "{"/,
  },
  {
    name: 'an array instead of an object',
    input: '[1]',
    at: 'a',
    texts: [],
    offset: 0,
    message: /expected an object with "a" at byte 0, found "\["/,
  },
  {
    name: 'a member that is no array',
    input: '{"a":{}}',
    at: 'a',
    texts: [],
    offset: 5,
    message: /expected an array as "a" at byte 5/,
  },
  {
    name: 'no such member',
    input: '{"b":[1],"c":{"a":[2]}}',
    at: 'a',
    texts: [],
    offset: 23,
    message: /there is no "a"/,
  },
  {
    name: 'the wrong bracket',
    input: '[1,2}',
    texts: ['1'],
    offset: 4,
    message: /expected "," or "\]" in the array at byte 4, found "}"/,
  },
  { name: 'a bracket too few in an element', input: '[1,{"a":[2},3]', texts: ['1'], offset: 14, message: /ends early/ },
  {
    name: 'a broken skipped member',
    input: '{"x":tru,"a":[1]}',
    at: 'a',
    texts: [],
    offset: 8,
    message: /ends before byte 8 is not JSON/,
  },
  { name: 'a missing colon', input: '{"a" [1]}', at: 'a', texts: [], offset: 5, message: /expected ":" at byte 5/ },
  {
    name: 'a missing value',
    input: '{"x":,"a":[1]}',
    at: 'a',
    texts: [],
    offset: 5,
    message: /expected a value at byte 5/,
  },
  { name: 'a missing name', input: '{1:2}', at: 'a', texts: [], offset: 1, message: /property name/ },
  {
    name: 'a comma behind the last member',
    input: '{"a":[1],}',
    at: 'a',
    texts: ['1'],
    offset: 9,
    message: /property name at byte 9, found "}"/,
  },
];

const badElements: {
  name: string;
  input: string;
  texts: string[];
  bad: { element: number; offset: number; length: number; index: number };
  reason: RegExp;
}[] = [
  {
    name: 'a wrong literal',
    input: '[1,tru,2]',
    texts: ['1', '2'],
    bad: { element: 1, offset: 3, length: 3, index: 1 },
    reason: /true, false or null at column 4/,
  },
  {
    name: 'a wrong member',
    input: '[{"a":1,},2]',
    texts: ['2'],
    bad: { element: 0, offset: 1, length: 8, index: 0 },
    reason: /property name in double quotes at column 8/,
  },
  {
    name: 'nothing between commas',
    input: '[1,,2]',
    texts: ['1', '2'],
    bad: { element: 1, offset: 3, length: 0, index: 1 },
    reason: /expected a value/,
  },
  {
    name: 'a comma behind the last element',
    input: '[1, ]',
    texts: ['1'],
    bad: { element: 1, offset: 3, length: 1, index: 1 },
    reason: /expected a value/,
  },
  {
    name: 'a control character in a string',
    input: '["a\tb","],"]',
    texts: ['"],"'],
    bad: { element: 0, offset: 1, length: 5, index: 0 },
    reason: /U\+0009 inside a string/,
  },
  {
    name: 'a line break in a string',
    input: '["a\nb",2]',
    texts: ['2'],
    bad: { element: 0, offset: 1, length: 5, index: 0 },
    reason: /U\+000A inside a string/,
  },
  {
    name: 'a wrong escape',
    input: '["\\q\\"",2]',
    texts: ['2'],
    bad: { element: 0, offset: 1, length: 6, index: 0 },
    reason: /after a backslash/,
  },
  {
    name: 'two values',
    input: '[1 2,3]',
    texts: ['3'],
    bad: { element: 0, offset: 1, length: 3, index: 0 },
    reason: /found "2"/,
  },
];

for (const engine of engines) {
  test(`splitJsonArray gives the elements as single lines (${engine})`, async (t) => {
    for (const { name, input, at, texts } of good) {
      await t.test(name, async () => {
        for (const cuts of [[], Array.from({ length: input.length + 3 }, (_, i) => i)]) {
          const result = await split(input, { at, engine }, cuts);
          assert.deepEqual([result.texts, result.bad, result.error], [texts, [], undefined]);
        }
      });
    }
  });

  test(`splitJsonArray tells where the input is broken, after giving what came before (${engine})`, async (t) => {
    for (const { name, input, at, texts, offset, message } of broken) {
      await t.test(name, async () => {
        for (const cuts of [[], Array.from({ length: input.length }, (_, i) => i)]) {
          const result = await split(input, { at, engine }, cuts);
          assert.deepEqual(result.texts, texts);
          assert.match(result.error?.message ?? '', message);
          assert.equal(result.error?.offset, offset);
        }
      });
    }
  });

  test(`splitJsonArray reports a bad element and goes on (${engine})`, async (t) => {
    for (const { name, input, texts, bad, reason } of badElements) {
      await t.test(name, async () => {
        for (const cuts of [[], Array.from({ length: input.length }, (_, i) => i)]) {
          const result = await split(input, { engine }, cuts);
          assert.equal(result.error, undefined);
          assert.deepEqual(result.texts, texts);
          const text = input.slice(bad.offset, bad.offset + bad.length);
          assert.deepEqual(
            result.bad.map((entry) => ({ ...entry, reason: '' })),
            [{ ...bad, reason: '', text }],
          );
          assert.match(result.bad[0]?.reason ?? '', reason);
        }
      });
    }
    await t.test('invalid UTF-8', async () => {
      const result = await split(Buffer.concat([Buffer.from('["a","'), Buffer.from([0xff]), Buffer.from('","b"]')]), {
        engine,
      });
      assert.deepEqual(result.texts, ['"a"', '"b"']);
      assert.match(result.bad[0]?.reason ?? '', /not UTF-8 from column 2/);
      assert.equal(result.bad[0]?.element, 1);
    });
  });

  test(`splitJsonArray keeps neither skipped members nor long elements in memory (${engine})`, async () => {
    const piece = Buffer.alloc(65_536, 'x');
    async function* input() {
      yield Buffer.from('{"skipped":["');
      for (let i = 0; i < 320; i++) yield piece;
      yield Buffer.from('"],"a":[1,"');
      for (let i = 0; i < 320; i++) yield piece;
      yield Buffer.from('",2]}');
    }
    const before = process.memoryUsage().arrayBuffers;
    const chunks: JsonArrayChunk[] = [];
    for await (const chunk of splitJsonArray(input(), { at: 'a', engine, maxLineBytes: 1_000_000 })) chunks.push(chunk);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16e6);
    assert.deepEqual(
      chunks.flatMap((chunk) => plain(chunk).texts),
      ['1', '2'],
    );
    assert.deepEqual(
      chunks.flatMap(({ bad }) => bad.map(({ element, length }) => [element, length])),
      [[1, 320 * 65_536 + 2]],
    );
  });

  test(`splitJsonArray takes nesting deeper than its own stack (${engine})`, async () => {
    const deep = '['.repeat(70_000) + ']'.repeat(70_000);
    const result = await split(`{"b":${deep},"a":[${deep},1]}`, { at: 'a', engine });
    assert.deepEqual([result.texts.length, result.bad.length, result.error], [2, 0, undefined]);
  });
}

test('splitJsonArray gives contiguous lines that need no copying', async () => {
  for await (const { json } of splitJsonArray([Buffer.from('[1,{"a":2}, 3,\n[4] ]')])) {
    const lines = jsonLines(json);
    assert.equal(Buffer.from(lines).toString(), '1\n{"a":2}\n3\n[4]\n');
    assert.equal(lines.buffer, json.bytes.buffer);
  }
});

const spaces = fc.constantFrom('', '', ' ', '\n', '\r\n  ', '\t');
const element = fc.oneof(
  fc
    .jsonValue({ maxDepth: 3 })
    .chain((value) => fc.constantFrom(JSON.stringify(value), JSON.stringify(value, null, 2))),
  fc.constantFrom('"]"', '"\\\\"', '"\\"],"', '"😀\u2028"', '{"a":[{"threads":[1]}]}'),
);
const array = fc
  .array(fc.tuple(spaces, element, spaces), { maxLength: 8 })
  .map((parts) => `[${parts.map((part) => part.join('')).join(',')}]`);
const members = fc
  .dictionary(
    fc.string({ maxLength: 5 }).map((name) => `x${name}`),
    fc.jsonValue({ maxDepth: 2 }),
    { maxKeys: 3 },
  )
  .map((value) => JSON.stringify(value).slice(1, -1));

/** `{…, "threads": …, …}` at one or two levels. */
const file = fc
  .tuple(array, members, members, fc.constantFrom('', 'threads', 'data.threads'))
  .map(([text, before, after, at]) => {
    let input = text;
    for (const name of at === '' ? [] : at.split('.').reverse()) {
      input = `{${before}${before && ','} "${name}" :${input}${after && ','}${after}}`;
    }
    return { input, at: at === '' ? undefined : at };
  });

async function withStreamJson(input: string, at: string | undefined): Promise<unknown[]> {
  const values: unknown[] = [];
  const source = Readable.from([Buffer.from(input)]);
  const elements =
    at === undefined
      ? source.pipe(streamArray.withParserAsStream())
      : source.pipe(pick.withParserAsStream({ filter: at })).pipe(streamArray.asStream());
  for await (const { value } of elements as AsyncIterable<{ value: unknown }>) values.push(value);
  return values;
}

test('splitJsonArray gives what stream-json gives', async () => {
  await fc.assert(
    fc.asyncProperty(file, fc.array(fc.nat(300)), async ({ input, at }, cuts) => {
      const expected = await withStreamJson(input, at);
      for (const engine of engines) {
        const { texts, bad, error } = await split(input, { at, engine }, cuts);
        assert.deepEqual([bad, error], [[], undefined]);
        assert.deepEqual(
          texts.map((text) => JSON.parse(text) as unknown),
          expected,
        );
        for (const text of texts) assert.doesNotMatch(text, /[\r\n]/);
      }
    }),
    { numRuns: 400 },
  );
});

test('splitJsonArray gives the same chunks of sound and damaged input however the reads are aligned, and from any end on', async () => {
  const limits = fc.record({
    batchSize: fc.integer({ min: 1, max: 4 }),
    batchBytes: fc.integer({ min: 1, max: 80 }),
    maxLineBytes: fc.integer({ min: 5, max: 90 }),
  });
  const change = fc.option(fc.tuple(fc.nat(), fc.constantFrom(...'{}[],:"\\ 0x\n', '')));
  await fc.assert(
    fc.asyncProperty(file, change, limits, fc.array(fc.nat(400)), async ({ input, at }, changed, options, cuts) => {
      const i = (changed?.[0] ?? 0) % input.length;
      const text = changed ? input.slice(0, i) + changed[1] + input.slice(i + 1) : input;
      const whole = await split(text, { ...options, at });
      for (const engine of engines) {
        assert.deepEqual(await split(text, { ...options, at, engine }, cuts), whole);
        for (const [n, { end }] of whole.chunks.entries()) {
          const rest = await split(text, { ...options, at, engine, start: end }, cuts);
          assert.deepEqual(rest.chunks, whole.chunks.slice(n + 1));
          assert.deepEqual(rest.error, whole.error);
        }
      }
    }),
    { numRuns: 600 },
  );
});
