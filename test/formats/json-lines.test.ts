import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import test from 'node:test';
import fc from 'fast-check';
import type { Engine, JsonLinesChunk } from '../../src/formats/json-chunk.ts';
import { readJsonLines, type ReadJsonLinesOptions } from '../../src/formats/json-lines.ts';
import { jsonLines } from '../../src/formats/json-lines-out.ts';
import { decodeJsonRecords, jsonRecordText } from '../../src/formats/json-records.ts';

const engines: Engine[] = ['wasm', 'typescript'];

async function read(input: Uint8Array | string, options: ReadJsonLinesOptions = {}, cuts: number[] = []) {
  const bytes = Buffer.from(input);
  const from = options.start?.offset ?? 0;
  const edges = [
    ...new Set([from, ...cuts.filter((cut) => cut > from && cut < bytes.length).sort((a, b) => a - b), bytes.length]),
  ];
  const pieces = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
  const chunks: JsonLinesChunk[] = [];
  for await (const chunk of readJsonLines(pieces, options)) chunks.push(chunk);
  return chunks;
}

/** What can be compared: views become what they show. */
function plain({ json, bad, lines, offsets, end }: JsonLinesChunk) {
  return {
    texts: Array.from({ length: json.count }, (_, i) => jsonRecordText(json, i)),
    bad,
    lines: [...lines],
    offsets: [...offsets],
    end,
  };
}

const good: { name: string; input: string | Buffer; values: unknown[]; lines?: number[] }[] = [
  { name: 'nothing', input: '', values: [] },
  { name: 'one line feed', input: '\n', values: [] },
  { name: 'a last line without a line feed', input: '1\n2', values: [1, 2], lines: [1, 2] },
  { name: 'a byte order mark', input: '\ufeff{"a":1}\n2\n', values: [{ a: 1 }, 2], lines: [1, 2] },
  { name: 'a byte order mark and nothing else', input: '\ufeff', values: [] },
  { name: 'carriage returns', input: '1\r\n2\r\n', values: [1, 2], lines: [1, 2] },
  { name: 'blank lines and white space', input: '\n \t\r\n  1  \n\n\t[ 2 ]\n   ', values: [1, [2]], lines: [3, 5] },
  {
    name: 'every kind of value',
    input: 'true\nfalse\nnull\n"x"\n-0\n1.5e+3\n{}\n[]\n',
    values: [true, false, null, 'x', -0, 1500, {}, []],
  },
  { name: 'every escape', input: '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00"\n', values: ['"\\/\b\f\n\r\té😀'] },
  { name: 'a lone surrogate escape', input: '"\\ud83d"\n', values: ['\ud83d'] },
  { name: 'an escaped NUL', input: '"\\u0000"\n', values: ['\0'] },
  {
    name: 'emoji, separators and DEL as they are',
    input: '"😀\u2028\u2029\u007f"\n',
    values: ['😀\u2028\u2029\u007f'],
  },
  { name: 'duplicate keys', input: '{"a":1,"a":2}\n', values: [{ a: 2 }] },
  {
    name: 'numbers larger than a double',
    input: '[1e400,12345678901234567890]\n',
    values: [[Infinity, 12345678901234567890]],
  },
];

const wrong: { name: string; input: string | Buffer; reason: RegExp }[] = [
  { name: 'a NUL in a string', input: '"a\0b"', reason: /control character U\+0000 inside a string at column 3/ },
  { name: 'a tab in a string', input: '{"a":"\t"}', reason: /control character U\+0009 inside a string at column 7/ },
  { name: 'a NUL line', input: '\0\0', reason: /expected a value at column 1, found U\+0000/ },
  { name: 'a cut object', input: '{"a":1', reason: /at column 7, found the end/ },
  { name: 'a cut string', input: '"abc', reason: /ends inside a string at column 5/ },
  { name: 'a trailing comma', input: '[1,]', reason: /expected a value at column 4, found "\]"/ },
  { name: 'a comma after the value', input: '{},', reason: /at column 3, found ","/ },
  { name: 'a bracket after the value', input: '{}}', reason: /at column 3, found "}"/ },
  { name: 'the wrong bracket', input: '[1}', reason: /at column 3, found "}"/ },
  { name: 'two values', input: '1 2', reason: /at column 3, found "2"/ },
  { name: 'single quotes', input: "{'a':1}", reason: /property name in double quotes or "}" at column 2, found "'"/ },
  { name: 'a missing colon', input: '{"a" 1}', reason: /expected ":" at column 6/ },
  { name: 'a leading zero', input: '01', reason: /at column 2/ },
  { name: 'a plus sign', input: '+1', reason: /at column 1/ },
  { name: 'a point without digits', input: '1.', reason: /a digit after "\." at column 3/ },
  { name: 'an exponent without digits', input: '[1e]', reason: /exponent at column 4/ },
  { name: 'a lone minus', input: '-', reason: /a digit after "-" at column 2/ },
  { name: 'NaN', input: '{"a":NaN}', reason: /expected a value at column 6, found "N"/ },
  { name: 'a wrong literal', input: 'nul', reason: /true, false or null at column 4/ },
  { name: 'a wrong escape', input: '"\\x41"', reason: /after a backslash at column 3, found "x"/ },
  { name: 'a short unicode escape', input: '"\\u12"', reason: /hexadecimal digits/ },
  { name: 'a byte order mark in the middle', input: '\ufeff1', reason: /byte order mark/ },
  { name: 'a no-break space', input: '\u00a01', reason: /expected a value at column 1/ },
  {
    name: 'a byte that is not UTF-8',
    input: Buffer.from([0x22, 0xc3, 0xa9, 0xff, 0x22]),
    reason: /not UTF-8 from column 3 on \(byte 0xff\)/,
  },
  { name: 'an overlong character', input: Buffer.from([0x22, 0xc0, 0x80, 0x22]), reason: /not UTF-8 from column 2/ },
  {
    name: 'a surrogate in UTF-8',
    input: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    reason: /not UTF-8 from column 2/,
  },
  { name: 'a cut character', input: Buffer.from([0x22, 0xf0, 0x9f, 0x98, 0x22]), reason: /not UTF-8 from column 2/ },
];

for (const engine of engines) {
  test(`readJsonLines takes what JSON.parse takes (${engine})`, async (t) => {
    for (const { name, input, values, lines } of good) {
      await t.test(name, async () => {
        const chunks = await read(input, { engine });
        assert.deepEqual(
          chunks.flatMap(({ json }) => decodeJsonRecords(json)),
          values,
        );
        assert.deepEqual(
          chunks.flatMap(({ bad }) => bad),
          [],
        );
        if (lines)
          assert.deepEqual(
            chunks.flatMap((chunk) => [...chunk.lines]),
            lines,
          );
      });
    }
  });

  test(`readJsonLines tells what is wrong with a line and goes on (${engine})`, async (t) => {
    for (const { name, input, reason } of wrong) {
      await t.test(name, async () => {
        const bytes = Buffer.from(input);
        const [chunk] = await read(Buffer.concat([Buffer.from('1\n\n'), bytes, Buffer.from('\n{"next":2}')]), {
          engine,
        });
        assert.ok(chunk);
        assert.deepEqual(decodeJsonRecords(chunk.json), [1, { next: 2 }]);
        assert.deepEqual([...chunk.lines], [1, 4]);
        assert.equal(chunk.bad.length, 1);
        const [bad] = chunk.bad;
        assert.ok(bad);
        assert.match(bad.reason, reason);
        assert.deepEqual(
          { ...bad, reason: '' },
          { index: 1, line: 3, offset: 3, length: bytes.length, reason: '', text: bytes.toString('utf8') },
        );
      });
    }
  });

  test(`readJsonLines takes nesting deeper than its own stack (${engine})`, async () => {
    const deep = '['.repeat(70_000) + ']'.repeat(70_000);
    const [chunk] = await read(`${deep}\n${deep}]\n1`, { engine, batchBytes: 1e6 });
    assert.ok(chunk);
    assert.equal(chunk.json.count, 2);
    assert.equal(chunk.bad.length, 1);
    assert.match(chunk.bad[0]?.reason ?? '', /column 140001/);
  });

  test(`readJsonLines reports a line over the limit without keeping it (${engine})`, async () => {
    const piece = Buffer.alloc(65_536, 'x');
    async function* input() {
      yield Buffer.from('1\n"');
      for (let i = 0; i < 320; i++) yield piece;
      yield Buffer.from('"\n2\n');
    }
    const before = process.memoryUsage().arrayBuffers;
    const chunks: JsonLinesChunk[] = [];
    for await (const chunk of readJsonLines(input(), { engine, maxLineBytes: 1_000_000 })) chunks.push(chunk);
    assert.deepEqual(
      chunks.flatMap(({ json }) => decodeJsonRecords(json)),
      [1, 2],
    );
    const [bad] = chunks.flatMap((chunk) => chunk.bad);
    assert.ok(bad);
    assert.deepEqual([bad.index, bad.line, bad.offset, bad.length], [1, 2, 2, 320 * 65_536 + 2]);
    assert.match(bad.reason, /20971522 bytes long, more than the 1000000 allowed/);
    assert.equal(bad.text.length, 2048);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16e6);
  });

  test(`readJsonLines takes a line of exactly the limit and not one byte more (${engine})`, async () => {
    for (const cuts of [[], [3], [11], [12], [13]]) {
      const [chunk] = await read('"12345678"\n"123456789"\n1\n', { engine, maxLineBytes: 10 }, cuts);
      assert.ok(chunk);
      assert.deepEqual(decodeJsonRecords(chunk.json), ['12345678', 1]);
      assert.deepEqual(
        chunk.bad.map(({ line, length }) => [line, length]),
        [[2, 11]],
      );
    }
  });

  test(`readJsonLines stops when the signal is aborted (${engine})`, async () => {
    const controller = new AbortController();
    const reading = readJsonLines([Buffer.from('1\n2\n3\n')], { engine, batchSize: 1, signal: controller.signal });
    await reading.next();
    controller.abort(new Error('enough'));
    await assert.rejects(reading.next(), /enough/);
  });
}

test('readJsonLines gives contiguous lines that need no copying', async () => {
  const [chunk] = await read('\n 1\r\n{"a":2} \nwrong\n[3]', {});
  assert.ok(chunk);
  const lines = jsonLines(chunk.json);
  assert.equal(Buffer.from(lines).toString(), '1\n{"a":2}\n[3]\n');
  assert.equal(lines.buffer, chunk.json.bytes.buffer);
});

test('readJsonLines cuts chunks at batchSize and at batchBytes', async () => {
  const bySize = await read('1\n2\nwrong\n4\n5\n', { batchSize: 2 });
  assert.deepEqual(
    bySize.map(({ json, bad, end }) => [json.count, bad.length, end]),
    [
      [2, 0, { offset: 4, line: 3 }],
      [1, 1, { offset: 12, line: 5 }],
      [1, 0, { offset: 14, line: 6 }],
    ],
  );
  const byBytes = await read('"aaaa"\n"bbbb"\n"cccc"\n', { batchBytes: 8 });
  assert.deepEqual(
    byBytes.map(({ json }) => json.count),
    [2, 1],
  );
});

// Text near the edge of the grammar: pieces of JSON, glued at random, sometimes with a byte changed.
const fragment = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '"a"',
  '"a":',
  '1',
  '-',
  '0',
  '.5',
  'e',
  '+',
  '12',
  'true',
  'null',
  'fals',
  ' ',
  '\t',
  '\r',
  '\n',
  '\n\n',
  '\\',
  '\\n',
  '\\u',
  '00e9',
  '\\ud83d',
  'é',
  '😀',
  '\u2028',
  '\0',
  '\u001f',
  'x',
  '{"k":[1,2,{"z":"y"}]}',
  '[]',
  '{}',
  '"long text that goes past sixteen bytes"',
);
const almostJson = fc.oneof(
  fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join('')),
  fc.json(),
  fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[],:"\\ 0x\n')).map(([text, at, c]) => {
    const i = at % (text.length + 1);
    return text.slice(0, i) + c + text.slice(i + 1);
  }),
);
const fileBytes = fc
  .array(
    fc.tuple(almostJson, fc.constantFrom('\n', '\r\n', ' \n'), fc.option(fc.tuple(fc.nat(), fc.nat(255)), { freq: 6 })),
    { maxLength: 12 },
  )
  .map((lines) =>
    Buffer.concat(
      lines.map(([text, lineEnd, change]) => {
        const line = Buffer.from(text + lineEnd);
        if (change) line[change[0] % line.length] = change[1];
        return line;
      }),
    ),
  );

test('readJsonLines takes a line if and only if it is UTF-8 that JSON.parse accepts', async () => {
  await fc.assert(
    fc.asyncProperty(fileBytes, async (bytes) => {
      const expected = { texts: [] as string[], lines: [] as number[], bad: [] as number[] };
      let from = 0;
      for (let line = 1; from < bytes.length; line++) {
        const feed = bytes.indexOf(10, from);
        const to = feed < 0 ? bytes.length : feed;
        let raw = bytes.subarray(from, to);
        if (from === 0 && raw.subarray(0, 3).equals(Buffer.from('\ufeff'))) raw = raw.subarray(3);
        const text = raw.toString('utf8').replace(/^[ \t\r]+|[ \t\r]+$/g, '');
        if (raw.toString('latin1').replace(/[ \t\r]+/g, '') !== '') {
          let accepted = isUtf8(raw);
          try {
            JSON.parse(text);
          } catch {
            accepted = false;
          }
          if (accepted) {
            expected.texts.push(text);
            expected.lines.push(line);
          } else {
            expected.bad.push(line);
          }
        }
        from = to + 1;
      }
      for (const engine of engines) {
        const chunks = (await read(bytes, { engine })).map(plain);
        assert.deepEqual(
          chunks.flatMap(({ texts }) => texts),
          expected.texts,
        );
        assert.deepEqual(
          chunks.flatMap(({ lines }) => lines),
          expected.lines,
        );
        assert.deepEqual(
          chunks.flatMap(({ bad }) => bad.map(({ line }) => line)),
          expected.bad,
        );
      }
    }),
    { numRuns: 1500 },
  );
});

test('readJsonLines gives the same chunks however the reads are aligned, and from any end on', async () => {
  const limits = fc.record({
    batchSize: fc.integer({ min: 1, max: 6 }),
    batchBytes: fc.integer({ min: 1, max: 60 }),
    maxLineBytes: fc.integer({ min: 1, max: 80 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fileBytes,
      limits,
      fc.array(fc.nat(400)),
      fc.array(fc.nat(400)),
      async (bytes, options, cuts, others) => {
        const whole = (await read(bytes, options)).map(plain);
        for (const engine of engines) {
          assert.deepEqual((await read(bytes, { ...options, engine }, cuts)).map(plain), whole);
          for (const [i, { end }] of whole.entries()) {
            assert.deepEqual(
              (await read(bytes, { ...options, engine, start: end }, others)).map(plain),
              whole.slice(i + 1),
            );
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});
