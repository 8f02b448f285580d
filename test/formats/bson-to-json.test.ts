import assert from 'node:assert/strict';
import test from 'node:test';
import {
  BSONRegExp,
  BSONSymbol,
  Binary,
  Code,
  Decimal128,
  deserialize,
  type Document,
  Double,
  EJSON,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  serialize,
  Timestamp,
  UUID,
} from 'bson';
import fc from 'fast-check';
import { gatherBsonDocuments } from '../../src/formats/bson-documents.ts';
import { type BsonTypes, bsonToJson } from '../../src/formats/bson-to-json.ts';
import { decimal128Text } from '../../src/formats/decimal128-text.ts';
import type { Engine } from '../../src/formats/json-chunk.ts';
import { jsonRecordText } from '../../src/formats/json-records.ts';

const engines: Engine[] = ['wasm', 'typescript'];
const forms: BsonTypes[] = ['plain', 'relaxed', 'canonical'];

function convert(documents: readonly Uint8Array[], types: BsonTypes, engine: Engine) {
  const { json, bad, replaced } = bsonToJson(gatherBsonDocuments(documents), { types, engine });
  return { texts: Array.from({ length: json.count }, (_, i) => jsonRecordText(json, i)), bad, replaced };
}

/** One element: type byte, key, value; wrapped to a document. */
function element(type: number, value: readonly number[] | Uint8Array, key = 'a'): Buffer {
  return wrapped(Buffer.concat([Buffer.from([type]), Buffer.from(`${key}\0`), Buffer.from(value)]));
}

function wrapped(inside: Uint8Array): Buffer {
  const document = Buffer.concat([Buffer.alloc(4), inside, Buffer.alloc(1)]);
  document.writeInt32LE(document.length, 0);
  return document;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

const id = new ObjectId('0123456789abcdef01234567');
const uuid = new UUID('00112233-4455-6677-8899-aabbccddeeff');

const table: { name: string; document: Uint8Array; plain: string; relaxed: string; canonical: string }[] = [
  { name: 'nothing', document: serialize({}), plain: '{}', relaxed: '{}', canonical: '{}' },
  ...(
    [
      ['a double', new Double(1.5), '1.5', '1.5', '{"$numberDouble":"1.5"}'],
      ['a whole double', new Double(1.73e12), '1730000000000', '1730000000000', '{"$numberDouble":"1730000000000.0"}'],
      ['a negative zero', new Double(-0), '-0.0', '-0.0', '{"$numberDouble":"-0.0"}'],
      ['NaN', new Double(NaN), '"NaN"', '{"$numberDouble":"NaN"}', '{"$numberDouble":"NaN"}'],
      [
        'infinity',
        new Double(-Infinity),
        '"-Infinity"',
        '{"$numberDouble":"-Infinity"}',
        '{"$numberDouble":"-Infinity"}',
      ],
      [
        'a string',
        'a"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028é😀',
        ...Array<string>(3).fill(JSON.stringify('a"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028é😀')),
      ],
      [
        'documents and arrays',
        { b: [{}, [], [[new Int32(1)]]] },
        '{"b":[{},[],[[1]]]}',
        '{"b":[{},[],[[1]]]}',
        '{"b":[{},[],[[{"$numberInt":"1"}]]]}',
      ],
      [
        'bytes',
        new Binary(Buffer.from([0, 255, 7, 9])),
        '"AP8HCQ=="',
        ...Array<string>(2).fill('{"$binary":{"base64":"AP8HCQ==","subType":"00"}}'),
      ],
      [
        'bytes of a user type',
        new Binary(Buffer.from('ab'), 0x80),
        '"YWI="',
        ...Array<string>(2).fill('{"$binary":{"base64":"YWI=","subType":"80"}}'),
      ],
      [
        'bytes of the old type',
        new Binary(Buffer.from('abc'), 2),
        '"YWJj"',
        ...Array<string>(2).fill('{"$binary":{"base64":"YWJj","subType":"02"}}'),
      ],
      [
        'a UUID',
        uuid,
        '"00112233-4455-6677-8899-aabbccddeeff"',
        ...Array<string>(2).fill('{"$binary":{"base64":"ABEiM0RVZneImaq7zN3u/w==","subType":"04"}}'),
      ],
      [
        'an ObjectId',
        id,
        '"0123456789abcdef01234567"',
        ...Array<string>(2).fill('{"$oid":"0123456789abcdef01234567"}'),
      ],
      ['true and false', [true, false], '[true,false]', '[true,false]', '[true,false]'],
      ['null', null, 'null', 'null', 'null'],
      [
        'a date',
        new Date('2025-01-02T03:04:05.678Z'),
        '"2025-01-02T03:04:05.678Z"',
        '{"$date":"2025-01-02T03:04:05.678Z"}',
        '{"$date":{"$numberLong":"1735787045678"}}',
      ],
      [
        'a date of whole seconds',
        new Date('2024-02-29T00:00:00Z'),
        '"2024-02-29T00:00:00.000Z"',
        '{"$date":"2024-02-29T00:00:00Z"}',
        '{"$date":{"$numberLong":"1709164800000"}}',
      ],
      [
        'a date before 1970',
        new Date('1969-12-31T23:59:59.999Z'),
        '"1969-12-31T23:59:59.999Z"',
        ...Array<string>(2).fill('{"$date":{"$numberLong":"-1"}}'),
      ],
      [
        'a date after 9999',
        new Date(253402300800000),
        ...Array<string>(3).fill('{"$date":{"$numberLong":"253402300800000"}}'),
      ],
      [
        'a regular expression',
        new BSONRegExp('^a"/b$', 'xi'),
        '"/^a\\"/b$/ix"',
        ...Array<string>(2).fill('{"$regularExpression":{"pattern":"^a\\"/b$","options":"ix"}}'),
      ],
      ['code', new Code('f()'), '"f()"', '{"$code":"f()"}', '{"$code":"f()"}'],
      [
        'code with scope',
        new Code('f()', { x: new Int32(1), y: {} }),
        '{"$code":"f()","$scope":{"x":1,"y":{}}}',
        '{"$code":"f()","$scope":{"x":1,"y":{}}}',
        '{"$code":"f()","$scope":{"x":{"$numberInt":"1"},"y":{}}}',
      ],
      ['a symbol', new BSONSymbol('s'), '"s"', '{"$symbol":"s"}', '{"$symbol":"s"}'],
      ['an int32', new Int32(-2147483648), '-2147483648', '-2147483648', '{"$numberInt":"-2147483648"}'],
      [
        'a timestamp',
        new Timestamp({ t: 4294967295, i: 1 }),
        '{"t":4294967295,"i":1}',
        ...Array<string>(2).fill('{"$timestamp":{"t":4294967295,"i":1}}'),
      ],
      [
        'an int64 beyond 2^53',
        Long.MIN_VALUE,
        '-9223372036854775808',
        '-9223372036854775808',
        '{"$numberLong":"-9223372036854775808"}',
      ],
      ['a decimal', Decimal128.fromString('1.50'), '"1.50"', '{"$numberDecimal":"1.50"}', '{"$numberDecimal":"1.50"}'],
      ['a min key', new MinKey(), ...Array<string>(3).fill('{"$minKey":1}')],
      ['a max key', new MaxKey(), ...Array<string>(3).fill('{"$maxKey":1}')],
    ] as [string, unknown, string, string, string][]
  ).map(([name, value, plain, relaxed, canonical]) => ({
    name,
    document: serialize({ a: value }),
    plain: `{"a":${plain}}`,
    relaxed: `{"a":${relaxed}}`,
    canonical: `{"a":${canonical}}`,
  })),
  {
    name: 'undefined',
    document: element(0x06, []),
    plain: '{"a":null}',
    relaxed: '{"a":{"$undefined":true}}',
    canonical: '{"a":{"$undefined":true}}',
  },
  {
    name: 'a DBPointer',
    document: element(0x0c, Buffer.concat([Buffer.from([5, 0, 0, 0]), Buffer.from('ns.x\0'), id.id])),
    plain: '{"a":{"$ref":"ns.x","$id":"0123456789abcdef01234567"}}',
    relaxed: '{"a":{"$dbPointer":{"$ref":"ns.x","$id":{"$oid":"0123456789abcdef01234567"}}}}',
    canonical: '{"a":{"$dbPointer":{"$ref":"ns.x","$id":{"$oid":"0123456789abcdef01234567"}}}}',
  },
  {
    name: 'a date no JavaScript Date can hold',
    document: element(0x09, int64(-9223372036854775808n)),
    plain: '{"a":{"$date":{"$numberLong":"-9223372036854775808"}}}',
    relaxed: '{"a":{"$date":{"$numberLong":"-9223372036854775808"}}}',
    canonical: '{"a":{"$date":{"$numberLong":"-9223372036854775808"}}}',
  },
  {
    name: 'duplicate and strange keys',
    document: wrapped(
      Buffer.concat(
        ['b', '1', 'b', '', '__proto__', 'q"\n\u2028é', '$oid'].map((key) => element(0x0a, [], key).subarray(4, -1)),
      ),
    ),
    ...(Object.fromEntries(
      forms.map((form) => [
        form,
        '{"b":null,"1":null,"b":null,"":null,"__proto__":null,"q\\"\\n\u2028é":null,"$oid":null}',
      ]),
    ) as Record<BsonTypes, string>),
  },
];

for (const engine of engines) {
  test(`bsonToJson writes every type in three forms (${engine})`, async (t) => {
    for (const row of table) {
      await t.test(row.name, () => {
        for (const form of forms) {
          assert.deepEqual(convert([row.document], form, engine), { texts: [row[form]], bad: [], replaced: 0 });
        }
      });
    }
  });

  test(`bsonToJson replaces what is not UTF-8 and counts the strings (${engine})`, () => {
    const latin = element(0x02, [3, 0, 0, 0, 0x61, 0xe9, 0]);
    const surrogate = element(0x02, [4, 0, 0, 0, 0xed, 0xa0, 0x80, 0]);
    const key = wrapped(Buffer.from([0x0a, 0xff, 0]));
    const good = serialize({ a: 'é' });
    const broken = latin.subarray(0, -1);
    assert.deepEqual(convert([latin, good, broken, surrogate, key], 'plain', engine), {
      texts: ['{"a":"a\ufffd"}', '{"a":"é"}', '{"a":"\ufffd\ufffd\ufffd"}', '{"\ufffd":null}'],
      bad: [
        {
          index: 2,
          document: 2,
          offset: 0,
          reason: 'the length a document begins with is wrong, or it does not end with a zero',
        },
      ],
      replaced: 3,
    });
  });

  test(`bsonToJson takes documents far larger than usual (${engine})`, () => {
    const value = { text: '"é\n'.repeat(1_500_000), list: Array.from({ length: 300_000 }, (_, i) => i) };
    const { texts, bad } = convert([serialize(value), serialize({ a: 1 })], 'plain', engine);
    assert.equal(bad.length, 0);
    assert.ok(texts[0] === JSON.stringify(value));
    assert.equal(texts[1], '{"a":1}');
    let deep: Buffer = serialize({}) as Buffer;
    for (let i = 0; i < 4096; i++) deep = element(i % 2 ? 0x03 : 0x04, deep);
    assert.equal(convert([deep], 'plain', engine).bad.length, 0);
    assert.match(convert([element(0x03, deep)], 'plain', engine).bad[0]?.reason ?? '', /nested deeper/);
  });
}

const broken: { name: string; document: Uint8Array; offset: number; reason: RegExp }[] = [
  { name: 'nothing', document: Buffer.alloc(0), offset: 0, reason: /length a document begins with/ },
  {
    name: 'a length that lies',
    document: Buffer.from([6, 0, 0, 0, 0]),
    offset: 0,
    reason: /length a document begins with/,
  },
  {
    name: 'no zero at the end',
    document: Buffer.from([5, 0, 0, 0, 1]),
    offset: 0,
    reason: /length a document begins with/,
  },
  { name: 'an unknown type', document: element(0x14, []), offset: 4, reason: /unknown element type/ },
  { name: 'a key without an end', document: wrapped(Buffer.from([0x0a, 0x61])), offset: 4, reason: /past the end/ },
  {
    name: 'a string that is too long',
    document: element(0x02, [9, 0, 0, 0, 0x61, 0]),
    offset: 7,
    reason: /string has a wrong length/,
  },
  {
    name: 'a string of length zero',
    document: element(0x02, [0, 0, 0, 0]),
    offset: 7,
    reason: /string has a wrong length/,
  },
  {
    name: 'a string without its zero',
    document: element(0x02, [1, 0, 0, 0, 0x61]),
    offset: 7,
    reason: /string has a wrong length/,
  },
  {
    name: 'a string of 2 GB and more',
    document: element(0x02, [0, 0, 0, 0x80, 0]),
    offset: 7,
    reason: /string has a wrong length/,
  },
  { name: 'a cut double', document: element(0x01, [0, 0, 0]), offset: 4, reason: /past the end/ },
  { name: 'a boolean of 2', document: element(0x08, [2]), offset: 7, reason: /neither 0 nor 1/ },
  {
    name: 'a nested document that is too long',
    document: element(0x03, [99, 0, 0, 0, 0]),
    offset: 7,
    reason: /nested document has a wrong length/,
  },
  {
    name: 'a nested document that ends early',
    document: element(0x03, [6, 0, 0, 0, 0, 0]),
    offset: 11,
    reason: /does not end where/,
  },
  { name: 'an end before the end', document: wrapped(Buffer.from([0, 0])), offset: 4, reason: /does not end where/ },
  { name: 'binary data that is too long', document: element(0x05, [9, 0, 0, 0, 0]), offset: 7, reason: /binary data/ },
  {
    name: 'old binary data with another length inside',
    document: element(0x05, [4, 0, 0, 0, 2, 1, 0, 0, 0]),
    offset: 12,
    reason: /binary data/,
  },
];

for (const engine of engines) {
  test(`bsonToJson leaves a broken document out and goes on (${engine})`, async (t) => {
    const good = serialize({ ok: true });
    for (const { name, document, offset, reason } of broken) {
      await t.test(name, () => {
        const { texts, bad } = convert([good, document, good], 'relaxed', engine);
        assert.deepEqual(texts, ['{"ok":true}', '{"ok":true}']);
        assert.deepEqual(
          bad.map((entry) => ({ ...entry, reason: '' })),
          [{ index: 1, document: 1, offset, reason: '' }],
        );
        assert.match(bad[0]?.reason ?? '', reason);
      });
    }
  });
}

const double = fc.oneof(
  fc.double(),
  fc.integer({ min: -1e6, max: 1e6 }).map((n) => n / 1000),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    1e21,
    1e20,
    123456789012345680000,
    2 ** 53,
    2 ** 60,
    1e-6,
    1e-7,
    0.1 + 0.2,
    5e-324,
    1.7976931348623157e308,
    1e15,
    999999999999999.9,
  ),
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom('', '\0', '\u2028', '😀"', 'x'.repeat(40)),
);
// Digits would be moved to the front by JavaScript objects, and a leading $ has a meaning to the oracle.
const key = fc.string({ unit: 'grapheme', maxLength: 24 }).map((name) => `k${name.replaceAll('\0', '')}`);
// But for coefficients that IEEE 754 takes for zero and the oracle prints digits of.
const decimal = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((bytes) => {
  const high = bytes[15] ?? 0;
  if ((high & 0x60) === 0x60) return (high & 0x78) === 0x78;
  const hex = Buffer.from(bytes).reverse().toString('hex');
  return (BigInt(`0x${hex}`) & (2n ** 113n - 1n)) < 10n ** 34n;
});
const scalar: fc.Arbitrary<unknown> = fc.oneof(
  double.map((x) => new Double(x)),
  text,
  fc
    .uint8Array({ maxLength: 40 })
    .chain((bytes) =>
      fc.constantFrom(0, 1, 2, 5, 6, 7, 8, 0x80, 0xff).map((subtype) => new Binary(Buffer.from(bytes), subtype)),
    ),
  fc.uuid().map((hex) => new UUID(hex)),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => new ObjectId(Buffer.from(bytes))),
  fc.boolean(),
  fc.oneof(
    fc.date({ noInvalidDate: true }),
    fc.integer({ min: -1e12, max: 1e12 }).map((ms) => new Date(ms)),
    fc.integer({ min: 0, max: 253402300799 }).map((s) => new Date(s * 1000)),
  ),
  fc.constant(null),
  fc.tuple(key, fc.constantFrom('', 'i', 'mi', 'xsmliu')).map(([pattern, options]) => new BSONRegExp(pattern, options)),
  text.map((code) => new Code(code)),
  text.map((code) => new Code(code, { kx: new Int32(1), ky: { kz: 'w' } })),
  text.map((value) => new BSONSymbol(value)),
  fc.integer().map((n) => new Int32(n)),
  fc.tuple(fc.nat(4294967295), fc.nat(4294967295)).map(([t, i]) => new Timestamp({ t, i })),
  fc.maxSafeInteger().map((n) => Long.fromNumber(n)),
  decimal.map((bytes) => new Decimal128(Buffer.from(bytes))),
  fc.constantFrom(new MinKey(), new MaxKey()),
);
const { document: anyDocument } = fc.letrec<{ document: Document; value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 5 }),
    tie('document'),
  ),
  document: fc.dictionary(key, tie('value'), { maxKeys: 6 }),
}));

test('bsonToJson writes Extended JSON as EJSON.stringify does', () => {
  const options = { promoteValues: false, bsonRegExp: true };
  fc.assert(
    fc.property(fc.array(anyDocument, { minLength: 1, maxLength: 3 }), (values) => {
      const documents = values.map((value) => serialize(value));
      for (const form of ['relaxed', 'canonical'] as const) {
        const expected = documents.map((document) =>
          EJSON.stringify(deserialize(document, options), { relaxed: form === 'relaxed' }),
        );
        for (const engine of engines) {
          // The oracle loses the sign of a zero.
          const { texts } = convert(documents, form, engine);
          assert.deepEqual(
            texts.map((line) => line.replaceAll(/(?<=[:[,])-0\.0(?=[\]},])/g, '0')),
            expected,
          );
        }
      }
      assert.deepEqual(convert(documents, 'plain', 'wasm'), convert(documents, 'plain', 'typescript'));
    }),
    { numRuns: 600 },
  );
});

test('bsonToJson keeps all digits of every int64', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      for (const engine of engines) {
        assert.deepEqual(convert([element(0x12, int64(value))], 'relaxed', engine).texts, [`{"a":${value}}`]);
        assert.deepEqual(convert([element(0x12, int64(value))], 'canonical', engine).texts, [
          `{"a":{"$numberLong":"${value}"}}`,
        ]);
      }
    }),
  );
});

test('bsonToJson prints doubles as JSON.stringify does', () => {
  fc.assert(
    fc.property(
      double.filter((x) => Number.isFinite(x) && !Object.is(x, -0)),
      (x) => {
        const document = serialize({ a: new Double(x) });
        for (const engine of engines)
          assert.deepEqual(convert([document], 'plain', engine).texts, [JSON.stringify({ a: x })]);
      },
    ),
    { numRuns: 5000 },
  );
});

test('bsonToJson says the same of damaged documents with and without WebAssembly, and never reads past them', () => {
  fc.assert(
    fc.property(
      anyDocument,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (value, changes) => {
        const document = Buffer.from(serialize(value));
        for (const [at, byte] of changes) if (at % document.length > 3) document[at % document.length] = byte;
        for (const form of forms) {
          const fast = convert([document], form, 'wasm');
          assert.deepEqual(fast, convert([document], form, 'typescript'));
          for (const line of fast.texts) assert.doesNotThrow(() => JSON.parse(line) as unknown);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('decimal128Text prints what the specification says', () => {
  for (const text of [
    '0',
    '-0',
    '1',
    '-1.50',
    '0.001',
    '1E+3',
    '1.234E-20',
    '0E-6176',
    '9.999999999999999999999999999999999E+6144',
    'NaN',
    'Infinity',
    '-Infinity',
    '1E-7',
    '0.000001',
  ]) {
    const { bytes } = Decimal128.fromString(text);
    assert.equal(decimal128Text(bytes, 0), Decimal128.fromString(text).toString());
  }
  const large = Buffer.alloc(16);
  large[15] = 0xec;
  assert.equal(decimal128Text(large, 0), '-0E-32');
  fc.assert(
    fc.property(decimal, fc.nat(9), (bytes, shift) => {
      const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
      assert.equal(decimal128Text(padded, shift), new Decimal128(Buffer.from(bytes)).toString());
    }),
    { numRuns: 3000 },
  );
});
