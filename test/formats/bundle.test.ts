import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import {
  addBundleCounts,
  compareUtf8,
  distinctName,
  noBundleCounts,
  safeFileName,
  userSlug,
} from '../../src/formats/bundle.ts';
import { bundleLineHead, composeBundleLine } from '../../src/formats/bundle-line.ts';

test('userSlug makes a folder of an e-mail', () => {
  const slugs: readonly (readonly [string | null, string])[] = [
    ['Ana@example.org', 'ana_example.org'],
    ['ana+maria@example.org', 'ana_maria_example.org'],
    ['../../"ødd näme"@xn--exmple-cua.org', 'dd_n_me_xn--exmple-cua.org'],
    ['', 'user_'],
    ['...', 'user_'],
    ['MANIFEST.json', 'user_manifest.json'],
    ['files', 'user_files'],
    [null, 'user-65a'],
    [`${'x'.repeat(300)}@example.org`, 'x'.repeat(80)],
  ];
  for (const [email, slug] of slugs) assert.equal(userSlug({ id: '65a', email }), slug);
  assert.equal(userSlug({ id: '', email: null }), 'no-owner');
  assert.notEqual(distinctName('a', '1'), distinctName('a', '2'));
});

test('safeFileName keeps what file systems take', () => {
  const names = [
    ['résumé 100% #1 📎 资料.pdf', 'résumé 100% #1 📎 资料.pdf'],
    ['../../etc/passwd', '__.._etc_passwd'],
    ['a\\b\0c\n.txt', 'a_b_c_.txt'],
    ['.htaccess', '_htaccess'],
    ['..', '_'],
    ['', 'unnamed'],
    ['  ', 'unnamed'],
    ['a. ', 'a'],
    ['\ud800x', '_x'],
    ['x'.repeat(300) + '.pdf', `${'x'.repeat(176)}.pdf`],
  ] as const;
  for (const [name, safe] of names) assert.equal(safeFileName(name), safe, JSON.stringify(name));
});

test('a safe name is one path segment of at most 180 bytes, and safe again', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 300 })),
      (name) => {
        const safe = safeFileName(name);
        assert.ok(safe !== '' && safe !== '.' && safe !== '..' && !/[/\\\0]/.test(safe));
        assert.ok(Buffer.byteLength(safe) <= 180);
        assert.equal(Buffer.from(safe).toString(), safe);
      },
    ),
  );
});

test('texts are ordered as their UTF-8 bytes', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 5 });
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      assert.equal(Math.sign(compareUtf8(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  assert.ok(compareUtf8('\uff5e', '😀') < 0);
});

test('counts add up, by kind where there are kinds', () => {
  const one = addBundleCounts(noBundleCounts, { messages: 2, repairs: { 'self-parent': 1 } });
  const sum = addBundleCounts(one, { messages: 3, users: 1, repairs: { 'self-parent': 1, 'parent-cycle': 2 } });
  assert.deepEqual(sum, { ...noBundleCounts, users: 1, messages: 5, repairs: { 'self-parent': 2, 'parent-cycle': 2 } });
});

test('a line holds its documents as they were given', () => {
  const parts = {
    userEmail: 'a@b.c',
    conversation: Buffer.from('{"n":1.0}'),
    messages: [Buffer.from('{"text":"é"}'), Buffer.from('{"n":1e2}')],
    fileIds: ['f'],
    missingFileIds: [],
    branching: { has_branching: false, branch_points: [], missing_parent_ids: [] },
    addition: { key: 'k', user_id: 'u', conversation_id: 'c', digest: 'd', active_leaf: null },
  };
  const line = Buffer.concat(composeBundleLine(parts));
  const text = Buffer.concat([bundleLineHead('2026-01-01T00:00:00.000Z'), line.subarray(1)]).toString();
  assert.ok(
    text.startsWith(
      '{"exported_at":"2026-01-01T00:00:00.000Z","user_email":"a@b.c","conversation":{"n":1.0},"messages":[{"text":"é"},{"n":1e2}],"message_count":2,',
    ),
  );
  const { threadmill, ...rest } = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(Object.keys(rest), [
    'exported_at',
    'user_email',
    'conversation',
    'messages',
    'message_count',
    'file_ids',
    'missing_file_ids',
    'branching',
  ]);
  assert.deepEqual(threadmill, {
    schema: 'threadmill/bundle@1',
    key: 'k',
    user_id: 'u',
    conversation_id: 'c',
    digest: 'd',
    active_leaf: null,
  });
});

test('a long document is a piece of the line as it was given, and the line is the same', () => {
  const long = Buffer.from(JSON.stringify({ text: 'a'.repeat(300_000) }));
  const short = Buffer.from('{"text":"b"}');
  const parts = {
    userEmail: null,
    conversation: null,
    fileIds: [],
    missingFileIds: [],
    branching: { has_branching: false, branch_points: [], missing_parent_ids: [] },
    addition: { key: 'k', user_id: 'u', conversation_id: 'c', digest: 'd', active_leaf: null },
  };
  const pieces = composeBundleLine({ ...parts, messages: [short, long, long, short], copies: [long] });
  assert.equal(pieces.filter((piece) => piece === long).length, 3);
  const { messages, threadmill } = JSON.parse(Buffer.concat(pieces).toString()) as Record<string, unknown>;
  assert.deepEqual(
    messages,
    [short, long, long, short].map((text) => JSON.parse(text.toString()) as unknown),
  );
  assert.deepEqual((threadmill as { copies: unknown }).copies, [JSON.parse(long.toString())]);
  assert.equal(composeBundleLine({ ...parts, messages: [short] }).length, 1);
});
