import assert from 'node:assert/strict';
import { appendFile, cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { etl, folderWith, type Outcome } from './helpers.ts';

const sample = fileURLToPath(new URL('../../samples/librechat', import.meta.url));
const dump = join(sample, 'dump', 'LibreChat');

/** Exports the sample into a folder of the test's own. */
async function exportTo(t: TestContext, ...more: readonly string[]): Promise<{ path: string; outcome: Outcome }> {
  const path = join(await folderWith(t), 'bundle');
  const argv = ['librechat', 'export', '--from', dump, '--path', path, '--no-progress', ...more];
  return { path, outcome: await etl(argv) };
}

async function manifestOf(path: string): Promise<{ kind: string; counts: Record<string, number> }> {
  return JSON.parse(await readFile(join(path, 'MANIFEST.json'), 'utf8')) as {
    kind: string;
    counts: Record<string, number>;
  };
}

test('etl librechat users lists who there is, and those who are gone', async () => {
  const table = await etl(['librechat', 'users', '--from', dump]);
  assert.equal(table.code, 0);
  assert.match(table.stdout, /^user000@example\.org +14 {2}2025-10-06 {2}[0-9a-f]{24} {2}User 0$/m);
  assert.match(table.stdout, /^\(no account\) /m);
  assert.match(table.stderr, /^7 users, 56 conversations$/m);
  const json = await etl(['librechat', 'users', '--from', dump, '--json']);
  const users = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { conversations: number });
  assert.equal(users.length, 7);
  assert.equal(
    users.reduce((sum, { conversations }) => sum + conversations, 0),
    56,
  );
});

test('etl librechat export writes everybody’s chats, and verify compares them with the dump', async (t) => {
  const { path, outcome } = await exportTo(t, '--all-users', '--include-temporary', '--asset-root', sample);
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(outcome.stderr, /mended: .*missing-parent/);
  const { counts } = await manifestOf(path);
  assert.equal(counts['conversations'], 57);
  assert.ok((counts['filesCopied'] ?? 0) > 10);
  const verified = await etl(['librechat', 'verify', path, '--from', dump]);
  assert.equal(verified.code, 0, verified.stderr + verified.stdout);
  assert.match(verified.stderr, /whole and equal to its source/);
});

test('etl librechat verify ends with 4 and names what differs', async (t) => {
  const { path } = await exportTo(t, '--all-users');
  const other = await folderWith(t);
  await cp(dump, other, { recursive: true });
  const before = await readFile(join(other, 'messages.bson'));
  const at = before.indexOf('text\0') + 9;
  before[at] = before[at] === 0x41 ? 0x42 : 0x41;
  await writeFile(join(other, 'messages.bson'), before);
  const differing = await etl(['librechat', 'verify', path, '--from', other]);
  assert.equal(differing.code, 4);
  assert.match(differing.stdout, /differs/);
  const [user = ''] = (await readdir(path)).filter((name) => name.startsWith('user00'));
  await appendFile(join(path, user, 'conversations.jsonl'), ' ');
  assert.equal((await etl(['librechat', 'verify', path, '--from', dump])).code, 4);
});

test('a conversation that is not there, or is somebody else’s, is named', async (t) => {
  const theirs = await exportTo(t, '--user-email', 'user000@example.org');
  const lines = await readFile(join(theirs.path, 'conversations.index.jsonl'), 'utf8');
  const { key } = JSON.parse(lines.split('\n')[2] ?? '') as { key: string };
  for (const { more, said } of [
    { more: ['--conversation', 'nope'], said: '1 × librechat: there is no conversation nope' },
    {
      more: ['--conversation', key, '--user-email', 'ana+maria@example.org'],
      said: `there is no conversation ${key} of the users asked for`,
    },
  ]) {
    const { path, outcome } = await exportTo(t, ...more);
    assert.equal(outcome.code, 3, outcome.stderr);
    assert.ok(outcome.stderr.includes(said), outcome.stderr);
    assert.equal((await manifestOf(path)).counts['conversations'], 0);
    assert.equal((await etl(['verify', path, '--against', dump])).code, 0);
  }
});

test('takes one user by --user-email, from a file, one conversation, or the first few', async (t) => {
  const users = join(await folderWith(t, { 'users.txt': '# ours\nUSER000@example.org\n\n' }), 'users.txt');
  const byEmail = await exportTo(t, '--user-email', 'user000@example.org', '--include-temporary');
  const byFile = await exportTo(t, '--users-file', users, '--include-temporary');
  for (const { path } of [byEmail, byFile]) {
    const { counts } = await manifestOf(path);
    assert.equal(counts['users'], 1);
    assert.equal(counts['conversations'], 14);
  }
  const few = await exportTo(t, '--all-users', '--max-conversations', '3');
  assert.equal((await manifestOf(few.path)).counts['conversations'], 3);
  const lines = await readFile(join(byEmail.path, 'conversations.index.jsonl'), 'utf8');
  const { key } = JSON.parse(lines.split('\n')[2] ?? '') as { key: string };
  const one = await exportTo(t, '--conversation', key, '--include-temporary');
  assert.equal((await manifestOf(one.path)).counts['conversations'], 1);
});

for (const branches of ['active', 'split'] as const) {
  test(`--branches ${branches} writes conversations in a line, and the bundle is whole`, async (t) => {
    const { path, outcome } = await exportTo(t, '--all-users', '--branches', branches);
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.equal((await manifestOf(path)).counts['branchPoints'], 0);
    assert.equal((await etl(['verify', path])).code, 0);
    const beside = await etl(['librechat', 'verify', path, '--from', dump]);
    assert.equal(beside.code, 1);
    assert.match(beside.stderr, new RegExp(`along their branches \\(--branches ${branches}\\)`));
    const delta = await exportTo(t, '--all-users', '--branches', branches, '--since-last');
    assert.equal(delta.outcome.code, 2);
  });
}

test('each export gets a folder named after its time; --since-last writes what changed since', async (t) => {
  const cwd = await folderWith(t);
  const from = join(cwd, 'dump');
  const outputDir = join(cwd, 'exports');
  await cp(dump, from, { recursive: true });
  const argv = ['librechat', 'export', '--from', from, '--all-users', '--output-dir', outputDir, '--quiet'];
  assert.equal((await etl([...argv, '--since-last'])).code, 1);
  assert.equal((await etl(argv)).code, 0);
  const [first = ''] = (await readdir(outputDir)).filter((name) => !name.endsWith('.etl'));
  assert.match(first, /^export_\d{8}_\d{6}$/);

  const messages = await readFile(join(from, 'messages.bson'));
  const at = messages.indexOf('text\0') + 9;
  messages[at] = messages[at] === 0x41 ? 0x42 : 0x41;
  await writeFile(join(from, 'messages.bson'), messages);
  const delta = join(outputDir, 'delta');
  assert.equal((await etl([...argv, '--since-last', '--path', delta])).code, 0);
  const { kind, counts } = await manifestOf(delta);
  assert.equal(kind, 'delta');
  assert.equal(counts['conversations'], 1);
  assert.equal((await etl(['librechat', 'verify', delta, '--from', from])).code, 0);
});

test('--since-last compares with the last export of the same users only, and names what is gone', async (t) => {
  const outputDir = join(await folderWith(t), 'exports');
  const argv = ['librechat', 'export', '--from', dump, '--output-dir', outputDir, '--quiet'];
  assert.equal((await etl([...argv, '--all-users', '--path', join(outputDir, 'export_20260101_000000')])).code, 0);
  const ana = ['--user-email', 'user000@example.org'];
  const none = await etl([...argv, ...ana, '--since-last']);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no complete export of the same users and options/);
  assert.equal((await etl([...argv, ...ana, '--path', join(outputDir, 'export_20260101_000001')])).code, 0);
  assert.equal((await etl([...argv, ...ana, '--since-last', '--path', join(outputDir, 'delta')])).code, 0);
  const { counts } = await manifestOf(join(outputDir, 'delta'));
  assert.equal(counts['conversations'], 0);
  assert.ok(!(await readdir(join(outputDir, 'delta'))).includes('removed.jsonl'));
  const other = ['export', '--from', dump, ...ana, '--path', join(outputDir, 'x')];
  const { stderr } = await etl(['librechat', ...other, '--since-last', '--accept-truncated']);
  assert.match(stderr, /do not go together/);
});

test('a user who is not there is said, with the name that was meant, and the others are exported', async (t) => {
  const none = await exportTo(t, '--user-email', 'user00@example.org');
  assert.equal(none.outcome.code, 1);
  assert.match(none.outcome.stderr, /there is no user user00@example\.org \(did you mean user000@example\.org\?\)/);
  const some = await exportTo(t, '--user-email', 'user00@example.org', 'user000@example.org');
  assert.equal(some.outcome.code, 3, some.outcome.stderr);
  assert.match(
    some.outcome.stderr,
    /rejected → .*rejects\.jsonl\n +1 × librechat: there is no user user00@example\.org/,
  );
  assert.match(some.outcome.stderr, /the bundle is in/);
  assert.equal((await manifestOf(some.path)).counts['users'], 1);
  const verified = await etl(['librechat', 'verify', some.path, '--from', dump]);
  assert.equal(verified.code, 0, verified.stderr);
  assert.match(verified.stderr, /1 of its records cannot be had/);
});

test('a document that cannot be read costs itself, and a dump that is cut short is completed when that is accepted', async (t) => {
  const from = await folderWith(t);
  await cp(dump, from, { recursive: true });
  const messages = await readFile(join(from, 'messages.bson'));
  messages[messages.indexOf('isCreatedByUser\0') + 16] = 7;
  await writeFile(join(from, 'messages.bson'), messages);
  const path = join(await folderWith(t), 'bundle');
  const argv = ['librechat', 'export', '--from', from, '--path', path, '--all-users', '--no-progress'];
  const bad = await etl([...argv, '--max-rejects', '0']);
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /ETL_TOO_MANY_REJECTS/);
  assert.equal((await etl(argv)).code, 3);
  assert.equal((await etl(['librechat', 'verify', path, '--from', from])).code, 0);
  assert.match((await etl(['librechat', 'users', '--from', from])).stderr, /7 users/);

  await writeFile(join(from, 'messages.bson'), messages.subarray(0, -10));
  const cut = [...argv.slice(0, 5), `${path} 2`, '--all-users', '--no-progress'];
  const broken = await etl(cut);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /ETL_SOURCE_TRUNCATED: .*\n +at .*messages\.bson, byte \d+/);
  assert.match(broken.stderr, /go on with:\n +etl librechat export/);
  const accepted = await etl([...cut, '--accept-truncated']);
  assert.equal(accepted.code, 3, accepted.stderr);
  assert.match(accepted.stderr, /cut short: 1 messages/);
  assert.equal((await etl(['verify', `${path} 2`])).code, 0);
});

test('a compressed export of mongoexport files is verified against all of them', async (t) => {
  const names = ['users', 'conversations', 'messages', 'files', 'presets', 'conversationtags', 'chatprojects'];
  const files = [...names, 'memoryentries', 'sharedlinks'].map((name) => join(dump, `${name}.bson`));
  const path = join(await folderWith(t), 'bundle');
  const argv = ['--path', path, '--all-users', '--compress', '--from', ...files];
  assert.equal((await etl(['librechat', 'export', ...argv])).code, 0);
  assert.ok((await readdir(join(path, 'user000_example.org'))).includes('conversations.jsonl.gz'));
  assert.equal((await etl(['librechat', 'verify', path, '--from', ...files])).code, 0);
  assert.equal((await etl(['verify', path, '--against', ...files])).code, 0);
  assert.equal((await etl(['librechat', 'verify', path, '--from', dump])).code, 0);
  const few = await etl(['librechat', 'verify', path, '--from', ...files.slice(0, 2)]);
  assert.match(few.stderr, /no dump of messages/);
});

test('says what is missing in the call', async (t) => {
  const cwd = await folderWith(t);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['users'], /no LibreChat is named\n.*LIBRECHAT_MONGODB/],
    [['export', '--from', dump], /nobody is named/],
    [['export', '--from', dump, '--all-users', '--user-email', 'a@b'], /do not go together/],
    [['export', '--from', dump, '--all-users', '--branches', 'some'], /one of all, active, split/],
    [['export', '--from', dump, '--all-users', '--since', 'yesterday'], /ETL_USAGE: "since" expected a date/],
    [['export', '--from', dump, '--all-users', '--since', '2026-02-30'], /ETL_USAGE: "since" expected a date/],
    [['export', '--from', dump, '--all-users', '--since', '2026-04-31T00:00:00Z'], /ETL_USAGE: "since" expected/],
    [['export', '--from', dump, '--all-users', '--output-dir', ''], /'--output-dir <folder>'.* It must be a path/],
    [['export', '--from', dump, '--all-users', '--rejects', ''], /'--rejects <file>'.* It must be a path/],
    [['export', '--from', dump, '--all-users', '--download', 'https://a.b/c'], /expected the name of a host/],
    [['verify', '--from', dump, '--output-dir', ''], /It must be a path/],
    [['export', '--from', dump, '--all-users', '--asset-root', ''], /ETL_USAGE: "assetRoots" \(0\): .*characters/],
    [['users', '--from', ''], /ETL_USAGE: "from"/],
    [['export', '--from', dump, '--all-users', '--download-private'], /says nothing without --download/],
    [['users', '--from', dump, '--uri', 'mongodb://localhost/x'], /do not go together/],
  ];
  for (const [argv, expected] of cases) {
    const { code, stderr } = await etl(['librechat', ...argv], { cwd });
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
  }
});

test('reads LIBRECHAT_MONGODB and LIBRECHAT_ASSET_ROOTS from .env, and hides the password', async (t) => {
  const cwd = await folderWith(t, {
    '.env': 'LIBRECHAT_MONGODB=mongodb://u:topsecret@127.0.0.1:1/LibreChat?serverSelectionTimeoutMS=50\n',
  });
  const { code, stderr } = await etl(['librechat', 'users'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /ETL_CONNECT_FAILED/);
  assert.ok(!stderr.includes('topsecret'));
});
