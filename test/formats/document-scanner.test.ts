import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { documentDigest, volatileNames, volatilePrefixes } from '../../src/formats/chat-digest.ts';
import { createDocumentScanner, type DocumentScanner } from '../../src/formats/document-scanner.ts';
import { jsonMembers } from '../../src/formats/json-members.ts';

const slots = ['a', 'list', 'conversationId', 'file_id', 'é'];
const names = {
  slots: slots.slice(0, 4),
  mark: 'file_id',
  volatile: { names: volatileNames, prefixes: volatilePrefixes },
  secrets: { names: ['password', 'auth'], prefixes: ['agentEventActor'] },
  linkParameters: ['x-amz-signature', 'sig', 'token'],
};
const engines = ['wasm', 'typescript'] as const;
const scannerOf = {
  wasm: createDocumentScanner(names),
  typescript: createDocumentScanner(names, { engine: 'typescript' }),
};
const [a, list, conversationId, fileId] = [0, 1, 2, 3];

/** Scans it in the middle of other bytes, as documents lie. */
function scan(scanner: DocumentScanner, text: string): { readonly bytes: Buffer; readonly isDocument: boolean } {
  const bytes = Buffer.from(`"a":1,${text}"file_id"`);
  return { bytes, isDocument: scanner.scan(bytes, 6, bytes.length - '"file_id"'.length) };
}

function valueOf(scanner: DocumentScanner, bytes: Buffer, slot: number): string {
  return bytes.toString('utf8', scanner.startOf(slot), scanner.endOf(slot));
}

const texts: readonly { readonly text: string; readonly values: Readonly<Record<number, string>> }[] = [
  { text: '{}', values: {} },
  { text: '{"a":1}', values: { [a]: '1' } },
  { text: ' { "a" : [ 1 , 2 ] , "list":null } ', values: { [a]: '[ 1 , 2 ]', [list]: 'null' } },
  { text: '{"a":{"a":2},"x":{"list":[]}}', values: { [a]: '{"a":2}' } },
  { text: '{"a":1,"a":"}"}', values: { [a]: '"}"' } },
  {
    text: '{"list":"\\"a\\":1,\\\\","conversationId":"c"}',
    values: { [list]: '"\\"a\\":1,\\\\"', [conversationId]: '"c"' },
  },
  { text: '{"\\u0061":-1.5e-7,"file_id":true}', values: { [a]: '-1.5e-7', [fileId]: 'true' } },
  { text: '{"conversationI":1,"conversationIdx":2,"onversationId":3}', values: {} },
];

test('the members that are asked for are found, and no others', async (t) => {
  for (const engine of engines) {
    const scanner = scannerOf[engine];
    for (const { text, values } of texts) {
      await t.test(`${engine}: ${text}`, () => {
        const { bytes, isDocument } = scan(scanner, text);
        assert.equal(isDocument, true);
        for (const slot of names.slots.keys()) assert.equal(valueOf(scanner, bytes, slot), values[slot] ?? '');
      });
    }
    for (const text of ['[]', '"{}"', '1', '', ' ']) assert.equal(scan(scanner, text).isDocument, false, text);
  }
});

const secrets = [
  '{"password":null}',
  '{"x":[{"auth":"a"}]}',
  '{"agentEventActorKey":1}',
  '{"url":"https://a/b?x=1&X-Amz-Signature=abc"}',
  '{"url":"https://a/b?sig=1"}',
  '{"url":"https://a/b?x\\u0026sig=1"}',
  '{"p\\u0061ssword":1}',
];
const harmless = [
  '{"text":"password","author":"auth","x":["auth"]}',
  '{"text":"why? because & so on","url":"https://a/b?page=1&size=2"}',
  '{"agentEvent":1,"text":"a\\n\\"b\\" \\u00e9 \\u001f"}',
];

test('secrets are never overlooked, and what cannot hold one is known', () => {
  for (const text of secrets) {
    for (const engine of engines) {
      scan(scannerOf[engine], text);
      assert.equal(scannerOf[engine].mayHoldSecret, true, `${engine}: ${text}`);
    }
  }
  for (const text of harmless) {
    scan(scannerOf.wasm, text);
    assert.equal(scannerOf.wasm.mayHoldSecret, false, text);
  }
});

const hints = [
  { text: '{"list":[{"file_id":1}]}', mark: true, null: false },
  { text: '{"list":[{"x":{"file_id":1}},null]}', mark: true, null: true },
  { text: '{"list":["file_id",{"x":null}],"a":{"file_id":1}}', mark: false, null: false },
  { text: '{"list":[[null]]}', mark: false, null: false },
  { text: '{"list":null,"file_id":"f"}', mark: false, null: false },
];

test('what a list holds is known without reading it again', () => {
  for (const { text, mark, null: holdsNull } of hints) {
    scan(scannerOf.wasm, text);
    assert.deepEqual([scannerOf.wasm.holdsMark(list), scannerOf.wasm.holdsNull(list)], [mark, holdsNull], text);
    scan(scannerOf.typescript, text);
    // It may say yes too often.
    assert.ok(scannerOf.typescript.holdsMark(list) || !mark, text);
    assert.ok(scannerOf.typescript.holdsNull(list) || !holdsNull, text);
  }
});

const name = fc.oneof(
  fc.constantFrom(...slots, '__v', '_meiliIndex', '_meili', 'a"b', '\\', ''),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ maxLength: 80 }),
  fc.constantFrom('null', '{"a":1}', '?', '"'),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.double({ noNaN: true }),
    fc.constantFrom(null, true, false),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('any')), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs) as unknown),
  ),
})).any;
const document = fc.array(fc.tuple(name, value), { maxLength: 8 });

test('both engines find what a parser finds, in any document', () => {
  fc.assert(
    fc.property(document, fc.constantFrom(0, 2), (pairs, indent) => {
      // Not an object: the same name may come twice.
      const members = pairs.map(([key, one]) => `${JSON.stringify(key)}:${JSON.stringify(one, null, indent)}`);
      const json = `{${members.join(indent === 0 ? ',' : ' ,\n')}}`;
      const parsed = JSON.parse(json) as Record<string, unknown>;
      for (const engine of engines) {
        const scanner = scannerOf[engine];
        const { bytes } = scan(scanner, json);
        for (const [slot, wanted] of names.slots.entries()) {
          const found = valueOf(scanner, bytes, slot);
          assert.deepEqual(
            found === '' ? undefined : JSON.parse(found),
            Object.hasOwn(parsed, wanted) ? parsed[wanted] : undefined,
          );
          if (found === '') continue;
          const isMarked = Object.hasOwn(parsed, wanted) && JSON.stringify(parsed[wanted]).includes('"file_id":');
          assert.ok(scanner.holdsMark(slot) || !isMarked);
          const listed: unknown = parsed[wanted];
          assert.ok(scanner.holdsNull(slot) || !(Array.isArray(listed) && listed.includes(null)));
        }
        const counted = Buffer.concat(scanner.digestPieces());
        const members = jsonMembers(Buffer.from(json));
        if (members.length > 0) assert.equal(counted.toString(), digested(Buffer.from(json)));
      }
    }),
    { numRuns: 400 },
  );
});

/** What {@link documentDigest} hashes, the plain way. */
function digested(bytes: Buffer): string {
  let runs = '';
  let end = 0;
  for (const member of jsonMembers(bytes)) {
    if (member.name === '__v' || member.name.startsWith('_meili')) {
      if (end > 0) runs += ',';
      end = 0;
      continue;
    }
    runs += bytes.toString('utf8', end > 0 ? end : member.nameStart, member.end);
    end = member.end;
  }
  return end > 0 ? `${runs},` : runs;
}

test('a document is let go of with what its digest is made of', () => {
  const { typescript } = scannerOf;
  scan(typescript, '{"a":[null]}');
  assert.equal(typescript.holdsNull(a), true);
  assert.equal(Buffer.concat(typescript.digestPieces()).toString(), '"a":[null],');
  assert.equal(typescript.holdsNull(a), false);
  assert.deepEqual(typescript.digestPieces(), []);
});

test('very long documents are scanned, and many volatile members', () => {
  const long = JSON.stringify({ a: 'x'.repeat(9_000_000), list: [null] });
  const many = `{${Array.from({ length: 9000 }, (_, i) => `"_meili${i}":0,"n${i}":${i}`).join(',')}}`;
  for (const engine of engines) {
    const scanner = scannerOf[engine];
    const { bytes } = scan(scanner, long);
    assert.equal(valueOf(scanner, bytes, a).length, 9_000_002);
    assert.equal(scanner.holdsNull(list), true);
    scan(scanner, many);
    assert.equal(Buffer.concat(scanner.digestPieces()).toString(), digested(Buffer.from(many)));
    scan(scanner, '{"a":1}');
    assert.equal(Buffer.concat(scanner.digestPieces()).toString(), '"a":1,');
    // After a very long one the memory is made anew: the next may be long itself.
    for (const length of [9_000_000, 3_900_000, 10, 4_300_000, 4_100_000, 2_000_000]) {
      const { bytes: text } = scan(scanner, JSON.stringify({ a: 'y'.repeat(length), list: [null] }));
      assert.equal(valueOf(scanner, text, a).length, length + 2);
    }
  }
  assert.equal(documentDigest(Buffer.from('{"__v":1,"a":1}')), documentDigest(Buffer.from('{"a":1}')));
});
