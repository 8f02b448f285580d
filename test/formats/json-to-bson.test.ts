import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  BSONRegExp,
  BSONSymbol,
  Binary,
  Code,
  Decimal128,
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
import { bsonToJson, type BsonTypes } from '../../src/formats/bson-to-json.ts';
import { gatherJsonRecords, jsonRecordText } from '../../src/formats/json-records.ts';
import { jsonToBson } from '../../src/formats/json-to-bson.ts';

/** One record's document, or why it is none. */
function encode(text: string): Buffer | string {
  const { documents, bad } = jsonToBson(gatherJsonRecords([Buffer.from(text)]));
  assert.equal(documents.count + bad.length, 1);
  return bad[0]?.reason ?? Buffer.from(documents.bytes);
}

/** The text of documents that are BSON. */
function textsOf(documents: readonly Uint8Array[], types: BsonTypes): string[] {
  const { json, bad } = bsonToJson(gatherBsonDocuments(documents), { types });
  assert.deepEqual(bad, []);
  return documents.map((_, index) => jsonRecordText(json, index));
}

/** An element as BSON has it: type, name, value. */
function element(type: number, value: Uint8Array, name = 'a'): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
}

function documentOf(...elements: readonly Uint8Array[]): Buffer {
  const document = Buffer.concat([Buffer.alloc(4), ...elements, Buffer.alloc(1)]);
  document.writeInt32LE(document.length, 0);
  return document;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([int32(bytes.length), bytes]);
}

function binary(subType: number, data: Uint8Array): Buffer {
  return Buffer.concat([int32(data.length), Buffer.from([subType]), data]);
}

const nothing = Buffer.alloc(0);
const id = Buffer.from('0123456789abcdef01234567', 'hex');
const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');

/** The value of "a" in JSON, and the type and value it has in BSON. */
const values: readonly (readonly [text: string, type: number, value: Uint8Array])[] = [
  ['{"$numberDouble":"1.5"}', 0x01, double(1.5)],
  ['{"$numberDouble":"5.0"}', 0x01, double(5)],
  ['{"$numberDouble":"-0.0"}', 0x01, double(-0)],
  ['{"$numberDouble":"1.73E+12"}', 0x01, double(1.73e12)],
  ['{"$numberDouble":".5"}', 0x01, double(0.5)],
  ['{"$numberDouble":"5e-324"}', 0x01, double(5e-324)],
  ['{"$numberDouble":"NaN"}', 0x01, double(Number.NaN)],
  ['{"$numberDouble":"Infinity"}', 0x01, double(Infinity)],
  ['{"$numberDouble":"-Infinity"}', 0x01, double(-Infinity)],
  ['{"$numberInt":"-2147483648"}', 0x10, int32(-2_147_483_648)],
  ['{"$numberInt":"2147483647"}', 0x10, int32(2_147_483_647)],
  ['{"$numberInt":"-0"}', 0x10, int32(0)],
  ['{"$numberLong":"5"}', 0x12, int64(5n)],
  ['{"$numberLong":"-999999999999999"}', 0x12, int64(-999_999_999_999_999n)],
  ['{"$numberLong":"9223372036854775807"}', 0x12, int64(2n ** 63n - 1n)],
  ['{"$numberLong":"-9223372036854775808"}', 0x12, int64(-(2n ** 63n))],
  ['{"$numberDecimal":"1.50"}', 0x13, Decimal128.fromString('1.50').bytes],
  ['{"$numberDecimal":"-0E-6176"}', 0x13, Decimal128.fromString('-0E-6176').bytes],
  ['{"$numberDecimal":"NaN"}', 0x13, Decimal128.fromString('NaN').bytes],
  ['{"$oid":"0123456789abcdef01234567"}', 0x07, id],
  ['{"$oid":"0123456789ABCDEF01234567"}', 0x07, id],
  ['{"\\u0024oid":"0123456789abcdef0123456\\u0037"}', 0x07, id],
  ['{"$date":"1970-01-01T00:00:00Z"}', 0x09, int64(0n)],
  ['{"$date":"2025-01-31T12:34:56.789Z"}', 0x09, int64(1_738_326_896_789n)],
  ['{"$date":"2025-01-31T12:34:56.7Z"}', 0x09, int64(1_738_326_896_700n)],
  ['{"$date":"2025-01-31T12:34:56.789000Z"}', 0x09, int64(1_738_326_896_789n)],
  ['{"$date":"2025-01-31T12:34:56+01:00"}', 0x09, int64(1_738_323_296_000n)],
  ['{"$date":"2025-01-31T12:34:56.000-0500"}', 0x09, int64(1_738_344_896_000n)],
  ['{"$date":"2024-02-29T23:59:59.999Z"}', 0x09, int64(1_709_251_199_999n)],
  ['{"$date":"2025-01-31"}', 0x09, int64(1_738_281_600_000n)],
  ['{"$date":"0001-01-01T00:00:00Z"}', 0x09, int64(-62_135_596_800_000n)],
  ['{"$date":"+010000-01-01T00:00:00Z"}', 0x09, int64(253_402_300_800_000n)],
  ['{"$date":{"$numberLong":"-1"}}', 0x09, int64(-1n)],
  ['{"$date":{"$numberLong":"-9223372036854775808"}}', 0x09, int64(-(2n ** 63n))],
  ['{ "$date" : { "$numberLong" : "9223372036854775807" } }', 0x09, int64(2n ** 63n - 1n)],
  ['{"$date":1700000000000}', 0x09, int64(1_700_000_000_000n)],
  ['{"$binary":{"base64":"","subType":"00"}}', 0x05, binary(0, nothing)],
  ['{"$binary":{"base64":"AP8HCQ==","subType":"00"}}', 0x05, binary(0, Buffer.from([0, 255, 7, 9]))],
  ['{"$binary":{"subType":"5","base64":"AP8HCQ=="}}', 0x05, binary(5, Buffer.from([0, 255, 7, 9]))],
  ['{"$binary":{"base64":"\\/\\/8=","subType":"fF"}}', 0x05, binary(255, Buffer.from([255, 255]))],
  ['{"$binary":{"base64":"YWJj","subType":"02"}}', 0x05, binary(2, Buffer.concat([int32(3), Buffer.from('abc')]))],
  ['{"$binary":{"base64":"ABEiM0RVZneImaq7zN3u/w==","subType":"04"}}', 0x05, binary(4, uuid)],
  ['{"$uuid":"00112233-4455-6677-8899-aabbccddeeff"}', 0x05, binary(4, uuid)],
  ['{"$uuid":"00112233445566778899AABBCCDDEEFF"}', 0x05, binary(4, uuid)],
  ['{"$regularExpression":{"pattern":"^a\\"/b$","options":"xi"}}', 0x0b, Buffer.from('^a"/b$\0ix\0')],
  ['{"$regularExpression":{"options":"","pattern":""}}', 0x0b, Buffer.from('\0\0')],
  ['{"$timestamp":{"t":4294967295,"i":1}}', 0x11, Buffer.concat([int32(1), int32(-1)])],
  ['{"$timestamp":{"i":4294967295,"t":0}}', 0x11, Buffer.concat([int32(-1), int32(0)])],
  ['{"$symbol":"é\\u0000"}', 0x0e, string('é\0')],
  ['{"$code":"f()\\n"}', 0x0d, string('f()\n')],
  ['{"$undefined":true}', 0x06, nothing],
  ['{"$minKey":1}', 0xff, nothing],
  ['{"$maxKey":1}', 0x7f, nothing],
  [
    '{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"0123456789abcdef01234567"}}}',
    0x0c,
    Buffer.concat([string('db.c'), id]),
  ],
  ['{"$dbPointer":{"$id":{"$oid":"0123456789abcdef01234567"},"$ref":""}}', 0x0c, Buffer.concat([string(''), id])],
  // Without wrappers.
  ['0', 0x10, int32(0)],
  ['-2147483648', 0x10, int32(-2_147_483_648)],
  ['2147483648', 0x12, int64(2_147_483_648n)],
  ['-2147483649', 0x12, int64(-2_147_483_649n)],
  ['9007199254740993', 0x12, int64(9_007_199_254_740_993n)],
  ['-9223372036854775808', 0x12, int64(-(2n ** 63n))],
  ['9223372036854775808', 0x01, double(2 ** 63)],
  ['-0', 0x01, double(-0)],
  ['-0.0', 0x01, double(-0)],
  ['5.0', 0x01, double(5)],
  ['1e3', 0x01, double(1000)],
  ['0.1234567890123456789', 0x01, double(0.1234567890123456789)],
  ['1.7976931348623157e308', 0x01, double(Number.MAX_VALUE)],
  ['true', 0x08, Buffer.from([1])],
  ['false', 0x08, Buffer.from([0])],
  ['null', 0x0a, nothing],
  ['""', 0x02, string('')],
  ['"{\\"$oid\\":\\"short\\"}"', 0x02, string('{"$oid":"short"}')],
  ['{}', 0x03, documentOf()],
  ['[ ]', 0x04, documentOf()],
  [
    '[null,[null]]',
    0x04,
    documentOf(element(0x0a, nothing, '0'), element(0x04, documentOf(element(0x0a, nothing, '0')), '1')),
  ],
];

describe('jsonToBson', () => {
  for (const [text, type, value] of values) {
    test(`writes ${text} as type ${type} of BSON`, () =>
      assert.deepEqual(encode(`{"a":${text}}`), documentOf(element(type, value))));
  }

  test('writes code with a scope, whose names are never taken for a type', () => {
    const scope = documentOf(element(0x02, string('x'), '$oid'), element(0x07, id, 'b'));
    const inside = Buffer.concat([string('f()'), scope]);
    const expected = documentOf(
      element(0x0f, Buffer.concat([int32(4 + inside.length), inside])),
      element(0x08, Buffer.from([1]), 'z'),
    );
    const text = '{"$oid":"x","b":{"$oid":"0123456789abcdef01234567"}}';
    assert.deepEqual(encode(`{"a":{"$code":"f()","$scope":${text}},"z":true}`), expected);
    assert.deepEqual(encode(`{"a":{ "$scope" : ${text} , "$code" : "f()" } ,"z":true}`), expected);
  });

  test('keeps names in their order, equal ones too, and those that objects keep elsewhere', () => {
    const names = ['b', '10', '2', 'b', '', '__proto__', 'a.b', '$', '$key', 'é"\\\n\u2028', '🙂'];
    const text = `{${names.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`;
    const document = documentOf(...names.map((name) => element(0x0a, nothing, name)));
    assert.deepEqual(encode(text), document);
    assert.deepEqual(encode(`{"a":${text}}`), documentOf(element(0x03, document)));
  });

  test('numbers the elements of long arrays', () => {
    const elements = Array.from({ length: 12_345 }, (_, index) => element(0x10, int32(index), String(index)));
    const text = JSON.stringify({ a: elements.map((_, index) => index) });
    assert.deepEqual(encode(text), documentOf(element(0x04, documentOf(...elements))));
  });

  const documents = [
    '{"$oid":"zzz"}',
    '{"$date":"never","more":1}',
    '{"a":{"$ref":"c","$id":{"$oid":"0123456789abcdef01234567"},"$db":"d","more":[1]}}',
    '{"a":{"$id":1,"$ref":2}}',
    '{"a":{"$regex":"^a","$options":"i"}}',
    '{"a":{"$gt":1,"$type":"string"}}',
    '{"a":{"$":1,"$Oid":"x","$oids":[{"$uid":1}]}}',
    '{"base64":"AA==","subType":"00"}',
  ];
  for (const text of documents) {
    test(`leaves ${text} a document`, () => {
      const document = encode(text);
      assert.ok(typeof document !== 'string', `${document}`);
      assert.deepEqual(textsOf([document], 'relaxed'), [text]);
    });
  }

  test('does not mind white space', () => {
    const text = '{ "a" :\t[ 1 , { "b" : { "$numberLong" : "5" } } ] , "c" : { "$code" : "x" } , "d" : { } }';
    assert.deepEqual(
      encode(text),
      Buffer.from(serialize({ a: [1, { b: Long.fromNumber(5) }], c: new Code('x'), d: {} })),
    );
  });

  const bad: readonly (readonly [text: string, reason: string | RegExp])[] = [
    ['[1]', 'expected an object, found [1]'],
    ['null', 'expected an object, found null'],
    ['"text"', 'expected an object, found "text"'],
    [
      '{"a":{"b":[0,{"$oid":"short"}]}}',
      '"a.b.1": expected a string of 24 hexadecimal digits for "$oid", found "short"',
    ],
    ['{"a":{"$oid":"zzzzzzzzzzzzzzzzzzzzzzzz"}}', /24 hexadecimal digits/],
    ['{"a":{"$oid":"İ123456789abcdef01234567"}}', /24 hexadecimal digits/],
    ['{"a":{"$oid":42}}', /for "\$oid", found 42/],
    ['{"a":{"$oid":"0123456789abcdef01234567","b":1}}', '"a": "$oid" must not have other names beside it'],
    ['{"a":{"b":1,"$oid":"0123456789abcdef01234567"}}', '"a.$oid": "$oid" must not have other names beside it'],
    ['{"a":{"b":1,"\\u0024date":0}}', '"a.$date": "$date" must not have other names beside it'],
    ['{"a":{"$oid":"0123456789abcdef01234567","$oid":"0123456789abcdef01234567"}}', /other names beside it/],
    ['{"a":{"$numberInt":5}}', /integer of 32 bits/],
    ['{"a":{"$numberInt":"2147483648"}}', /integer of 32 bits/],
    ['{"a":{"$numberInt":""}}', /integer of 32 bits/],
    ['{"a":{"$numberInt":"1.0"}}', /integer of 32 bits/],
    ['{"a":{"$numberLong":"9223372036854775808"}}', /integer of 64 bits/],
    ['{"a":{"$numberLong":"-"}}', /integer of 64 bits/],
    ['{"a":{"$numberLong":""}}', /integer of 64 bits/],
    [`{"a":{"$numberLong":"${'9'.repeat(100)}"}}`, /integer of 64 bits for "\$numberLong", found "9{59}…/],
    ['{"a":{"$numberDouble":"much"}}', /string of a number/],
    ['{"a":{"$numberDouble":""}}', /string of a number/],
    ['{"a":{"$numberDouble":"1.2.3"}}', /string of a number/],
    ['{"a":{"$numberDouble":"1e400"}}', /string of a number/],
    ['{"a":{"$numberDouble":"0x10"}}', /string of a number/],
    ['{"a":{"$numberDouble":1}}', /string of a number/],
    ['{"a":1e400}', '"a": expected a number that a double can hold, found 1e400'],
    ['{"a":{"$numberDecimal":"x"}}', /at most 34 digits/],
    ['{"a":{"$numberDecimal":"E"}}', /at most 34 digits/],
    [`{"a":{"$numberDecimal":"${'1'.repeat(35)}"}}`, /at most 34 digits/],
    ['{"a":{"$date":"never"}}', /expected a time like/],
    ['{"a":{"$date":"2025-02-29T00:00:00Z"}}', /expected a time like/],
    ['{"a":{"$date":"2025-01-31T25:00:00Z"}}', /expected a time like/],
    ['{"a":{"$date":"2025-01-31T12:00:00"}}', /expected a time like/],
    ['{"a":{"$date":"2025-01-31T12:00:00.0001Z"}}', /expected a time like/],
    ['{"a":{"$date":"2025-01-31T12:00:000Z"}}', /expected a time like/],
    ['{"a":{"$date":1.5}}', /expected a time like/],
    ['{"a":{"$date":{"$numberLong":"1","b":1}}}', /expected a time like/],
    ['{"a":{"$date":{"$numberInt":"1"}}}', /expected a time like/],
    ['{"a":{"$date":{"$numberLong":"1"},"b":1}}', /other names beside it/],
    ['{"a":{"$date":null}}', /expected a time like/],
    ['{"a":{"$binary":"AA==","$type":"00"}}', /expected \{"base64"/],
    ['{"a":{"$binary":{"base64":"AA=="}}}', /expected \{"base64"/],
    ['{"a":{"$binary":{"base64":"AA==","subType":"0"},"b":1}}', /other names beside it/],
    ['{"a":{"$binary":{"base64":"AA==","subType":0}}}', /expected \{"base64"/],
    ['{"a":{"$binary":{"base64":"AA==","subType":"100"}}}', /expected \{"base64"/],
    ['{"a":{"$binary":{"base64":"A","subType":"00"}}}', /expected \{"base64"/],
    ['{"a":{"$binary":{"base64":"AA--","subType":"00"}}}', /expected \{"base64"/],
    ['{"a":{"$uuid":"00112233-44556677-8899-aabbccddeeff"}}', /grouped 8-4-4-4-12/],
    ['{"a":{"$symbol":1}}', /expected a string for "\$symbol"/],
    ['{"a":{"$regularExpression":{"pattern":"a"}}}', /expected \{"pattern"/],
    ['{"a":{"$regularExpression":{"pattern":"a\\u0000","options":""}}}', /without NUL/],
    ['{"a":{"$regularExpression":{"pattern":"a","options":"","b":1}}}', /expected \{"pattern"/],
    ['{"a":{"$timestamp":{"t":-1,"i":1}}}', /32 bits without sign/],
    ['{"a":{"$timestamp":{"t":4294967296,"i":1}}}', /32 bits without sign/],
    ['{"a":{"$timestamp":{"t":"1","i":1}}}', /32 bits without sign/],
    ['{"a":{"$dbPointer":{"$ref":"c","$id":"0123456789abcdef01234567"}}}', /expected \{"\$ref"/],
    ['{"a":{"$dbPointer":{"$ref":"c","$id":{"$oid":"short"}}}}', /expected \{"\$ref"/],
    ['{"a":{"$undefined":false}}', /expected true for "\$undefined"/],
    ['{"a":{"$minKey":true}}', /expected 1 for "\$minKey"/],
    ['{"a":{"$maxKey":2}}', /expected 1 for "\$maxKey"/],
    ['{"a":{"$code":1}}', /expected \{"\$code"/],
    ['{"a":{"$code":"","b":1}}', /expected \{"\$code"/],
    ['{"a":{"$code":"","$scope":1}}', /expected \{"\$code"/],
    ['{"a":{"$code":"","$scope":{},"b":1}}', '"a": "$code" must not have other names beside it'],
    ['{"a":{"$scope":{},"$code":"","b":1}}', '"a": "$code" must not have other names beside it'],
    ['{"a":{"$scope":{}}}', /expected \{"\$code"/],
    ['{"a":{"$code":"","$scope":{"b":{"$oid":1}}}}', /^"a\.b": expected a string of 24/],
    ['{"a\\u0000":1}', '"a": a name holds NUL'],
    ['{"a":[{"b\\u0000c":1}]}', '"a.0.b": a name holds NUL'],
    [`{"${'x'.repeat(300)}":{"$oid":1}}`, /^"x{200}…": expected/],
  ];
  for (const [text, reason] of bad) {
    test(`takes ${text.slice(0, 100)} for no document`, () => {
      const found = encode(text);
      assert.equal(typeof found, 'string');
      if (typeof reason === 'string') assert.equal(found, reason);
      else assert.match(String(found), reason);
    });
  }

  test('leaves a bad record out, says which it is and where the mistake, and goes on', () => {
    const records = ['{"a":1}', '{"b":{"$oid":1}}', '[]', '{"c":[1,{"$date":"x"}]}', '{"d":2}'];
    const { documents, bad } = jsonToBson(gatherJsonRecords(records.map((text) => Buffer.from(text))));
    assert.deepEqual(
      bad.map(({ index, record, offset }) => [index, record, offset]),
      [
        [1, 1, 13],
        [1, 2, 0],
        [1, 3, 17],
      ],
    );
    assert.deepEqual(
      Array.from({ length: documents.count }, (_, i) =>
        documents.bytes.subarray(documents.starts[i], documents.ends[i]),
      ).map((bytes) => Buffer.from(bytes)),
      [serialize({ a: 1 }), serialize({ d: 2 })].map((bytes) => Buffer.from(bytes)),
    );
    assert.equal(documents.bytes.length, documents.ends[1]);
  });

  test('writes into the memory it is given, and into other where that is too small', () => {
    const json = gatherJsonRecords([Buffer.from('{"a":"text"}')]);
    const memory = Buffer.alloc(4096, 7);
    assert.equal(jsonToBson(json, { memory }).documents.bytes.buffer, memory.buffer);
    // Many times as large in BSON.
    const long = gatherJsonRecords([Buffer.from(`{"a":[${'1,'.repeat(50_000)}1]}`)]);
    const { documents } = jsonToBson(long, { memory: Buffer.alloc(200_000) });
    assert.equal(documents.bytes.length, 5 + 3 + serialize({ ...Array<number>(50_001).fill(1) }).length);
    assert.deepEqual(jsonToBson(long, { memory }).documents.bytes, documents.bytes);
  });

  test('goes as deep as bsonToJson reads, whatever it is that nests', () => {
    for (const [open, close] of [
      ['{"a":', '}'],
      ['[', ']'],
      ['{"$code":"","$scope":{"a":', '}}'],
    ] as const) {
      const nested = (levels: number): string => `{"a":${open.repeat(levels)}{"$minKey":1}${close.repeat(levels)}}`;
      const deepest = encode(nested(4096));
      assert.ok(typeof deepest !== 'string', `${deepest}`);
      assert.deepEqual(textsOf([deepest], 'canonical'), [nested(4096)]);
      assert.match(String(encode(nested(4097))), /nested deeper than 4096 levels/);
      assert.match(String(encode(nested(60_000))), /nested deeper than 4096 levels/);
    }
  });

  test('takes documents of 16 MB, and none larger', () => {
    const most = 16 * 1024 * 1024;
    const around = documentOf(element(0x02, string(''))).length;
    const largest = encode(`{"a":"${'x'.repeat(most - around)}"}`);
    assert.equal(largest.length, most);
    for (const text of [`{"a":"${'x'.repeat(most - around + 1)}"}`, `{"a":[${'[],'.repeat(4_000_000)}1]}`]) {
      assert.match(String(encode(text)), /larger than 16777216 bytes/);
    }
  });

  test('reads strings as JSON.parse does, with every kind of escape', () => {
    const character = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((text) => JSON.stringify(text).slice(1, -1)),
      },
      fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t'),
      fc.nat(0xffff).map((code) => `\\u${code.toString(16).padStart(4, '0')}`),
      fc.nat(0xffff).map((code) => `\\u${code.toString(16).padStart(4, '0').toUpperCase()}`),
      fc.integer({ min: 0xd7f0, max: 0xe010 }).map((code) => `\\u${code.toString(16)}`),
    );
    fc.assert(
      fc.property(fc.array(character, { maxLength: 20 }), (parts) => {
        const text = `"${parts.join('')}"`;
        const value = JSON.parse(text) as string;
        assert.deepEqual(encode(`{"a":${text},"b":1}`), Buffer.from(serialize({ a: value, b: 1 })));
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps every int64 and every double', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.double(), (long, number) => {
        assert.deepEqual(encode(`{"a":{"$numberLong":"${long}"}}`), documentOf(element(0x12, int64(long))));
        const isShort = BigInt.asIntN(32, long) === long;
        const bare = isShort ? element(0x10, int32(Number(long))) : element(0x12, int64(long));
        assert.deepEqual(encode(`{"a":${long}}`), documentOf(bare));
        assert.deepEqual(encode(`{"a":{"$numberDouble":"${number}"}}`), documentOf(element(0x01, double(number + 0))));
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps every date, as a time or in milliseconds', () => {
    const anyTime = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.bigInt({ min: -62_135_596_800_000n, max: 253_402_300_799_999n }),
      fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }).map((seconds) => seconds * 1000n),
    );
    fc.assert(
      fc.property(anyTime, (ms) => {
        const document = documentOf(element(0x09, int64(ms)));
        for (const types of ['relaxed', 'canonical'] as const) {
          assert.deepEqual(encode(textsOf([document], types)[0] ?? ''), document);
        }
        if (ms < -8_640_000_000_000_000n || ms > 8_640_000_000_000_000n) return;
        assert.deepEqual(encode(`{"a":{"$date":"${new Date(Number(ms)).toISOString()}"}}`), document);
      }),
      { numRuns: 2000 },
    );
  });
});

// Names that mean something are in the tables.
const name = fc
  .oneof(fc.constantFrom('', '0', '1', 'a', 'b', '__proto__', 'a.b'), fc.string({ unit: 'grapheme', maxLength: 20 }))
  .map((text) => text.replaceAll('\0', '').replace(/^\$/, 'S'));
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 200 }));
const bytes = fc.uint8Array({ maxLength: 40 }).map((data) => Buffer.from(data));
const exactly = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((data) => Buffer.from(data));
// As written canonically: a coefficient of at most 34 digits, no payload of NaN.
const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 34n) + 1n, max: 10n ** 34n - 1n }), fc.integer({ min: -6176, max: 6111 }))
  .map(([coefficient, exponent]) => Buffer.from(Decimal128.fromString(`${coefficient}E${exponent}`).bytes));

/** Any value in bytes, with its type: what the bson package cannot make is among them. */
const { value: anyValue, document: anyDocument } = fc.letrec<{ value: [number, Buffer]; document: Buffer }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(fc.constant(0x01), fc.double().map(double)),
    fc.tuple(fc.constantFrom(0x02, 0x0d, 0x0e), text.map(string)),
    fc.tuple(
      fc.constant(0x05),
      fc.tuple(fc.nat(255), bytes).map(([subType, data]) => {
        return binary(subType, subType === 2 ? Buffer.concat([int32(data.length), data]) : data);
      }),
    ),
    fc.tuple(fc.constantFrom(0x06, 0x0a, 0x7f, 0xff), fc.constant(nothing)),
    fc.tuple(fc.constant(0x07), exactly(12)),
    fc.tuple(
      fc.constant(0x08),
      fc.boolean().map((value) => Buffer.from([value ? 1 : 0])),
    ),
    fc.tuple(fc.constantFrom(0x09, 0x11, 0x12), exactly(8)),
    fc.tuple(
      fc.constant(0x0b),
      fc.tuple(name, fc.constantFrom('', 'i', 'imx', 'ilmsux')).map((parts) => Buffer.from(`${parts.join('\0')}\0`)),
    ),
    fc.tuple(
      fc.constant(0x0c),
      fc.tuple(text.map(string), exactly(12)).map((parts) => Buffer.concat(parts)),
    ),
    fc.tuple(fc.constant(0x10), exactly(4)),
    fc.tuple(fc.constant(0x13), decimal),
    fc.tuple(fc.constant(0x03), tie('document')),
    fc.tuple(
      fc.constant(0x04),
      fc
        .array(tie('value'), { maxLength: 4 })
        .map((parts) => documentOf(...parts.map(([type, data], index) => element(type, data, String(index))))),
    ),
    fc.tuple(
      fc.constant(0x0f),
      fc.tuple(text.map(string), tie('document')).map((parts) => {
        const inside = Buffer.concat(parts);
        return Buffer.concat([int32(4 + inside.length), inside]);
      }),
    ),
  ),
  document: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 6 })
    .map((elements) => documentOf(...elements.map(([key, [type, data]]) => element(type, data, key)))),
}));

test('canonical text of any BSON becomes the same bytes again', () => {
  fc.assert(
    fc.property(fc.array(anyDocument, { minLength: 1, maxLength: 3 }), anyValue, (documents, [type, value]) => {
      const all = [...documents, documentOf(element(type, value))];
      const texts = textsOf(all, 'canonical');
      const { documents: found, bad } = jsonToBson(gatherJsonRecords(texts.map((line) => Buffer.from(line))));
      assert.deepEqual(bad, []);
      assert.deepEqual(Buffer.from(found.bytes), Buffer.concat(all));
    }),
    { numRuns: 3000 },
  );
});

test('relaxed text of any BSON becomes BSON of the same text again', () => {
  fc.assert(
    fc.property(anyDocument, (document) => {
      const texts = textsOf([document], 'relaxed');
      const again = encode(texts[0] ?? '');
      assert.ok(typeof again !== 'string', `${again}`);
      assert.deepEqual(textsOf([again], 'relaxed'), texts);
    }),
    { numRuns: 1000 },
  );
});

// What the bson package's reader loses is left out: names that are numbers, undefined, DBPointer, dates beyond Date.
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.double().map((number) => new Double(number)),
  fc.integer().map((number) => new Int32(number)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((long) => Long.fromBigInt(long)),
  text,
  fc.boolean(),
  fc.constantFrom(null, new MinKey(), new MaxKey()),
  fc.date({ noInvalidDate: true }),
  exactly(12).map((data) => new ObjectId(data)),
  fc.tuple(bytes, fc.constantFrom(0, 1, 2, 3, 5, 6, 0x80, 0xff)).map(([data, subType]) => new Binary(data, subType)),
  fc.uuid().map((hex) => new UUID(hex)),
  fc.tuple(name, fc.constantFrom('', 'i', 'mi')).map(([pattern, options]) => new BSONRegExp(pattern, options)),
  fc.tuple(fc.nat(4_294_967_295), fc.nat(4_294_967_295)).map(([t, i]) => new Timestamp({ t, i })),
  text.map((code) => new Code(code)),
  text.map((symbol) => new BSONSymbol(symbol)),
  decimal.map((data) => new Decimal128(data)),
);
const { document: packageDocument } = fc.letrec<{ document: Record<string, unknown>; value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, value, fc.array(tie('value'), { maxLength: 4 }), tie('document')),
  document: fc.dictionary(
    name.map((key) => `k${key}`),
    tie('value'),
    { maxKeys: 6 },
  ),
}));

test('writes what EJSON.parse and the bson package write, where they keep everything', () => {
  fc.assert(
    fc.property(packageDocument, fc.boolean(), (document, relaxed) => {
      const line = textsOf([serialize(document)], relaxed ? 'relaxed' : 'canonical')[0] ?? '';
      // A whole number with a fraction of zero is an integer to the package, an integer beyond 2^53 a rounded one.
      fc.pre(!relaxed || !/(?<=[:[,]-?\d*)(?:\.0|\d{16})(?!\d*")|e\+/.test(line));
      assert.deepEqual(encode(line), Buffer.from(serialize(EJSON.parse(line, { relaxed: false }) as object)));
    }),
    { numRuns: 2000 },
  );
});
