import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { onyxDatabase, onyxInvariants } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';
import { etl, folderWith, type Outcome } from './helpers.ts';

const sample = fileURLToPath(new URL('../../samples/librechat', import.meta.url));
const dump = join(sample, 'dump', 'LibreChat');

interface Place {
  readonly url: string;
  readonly bundle: string;
  onyx(...argv: readonly string[]): Promise<Outcome>;
}

/** The sample in a bundle, imported into an Onyx. */
async function imported(t: TestContext): Promise<Place> {
  const cwd = await folderWith(t);
  const bundle = join(cwd, 'bundle');
  const url = await onyxDatabase(['ana+maria@example.org', 'user000@example.org', 'user005@example.org']);
  const env = { ONYX_DATABASE_URL: url };
  const onyx = (...argv: readonly string[]): Promise<Outcome> => etl(['onyx', ...argv], { cwd, env });
  const exported = await etl([
    'librechat',
    'export',
    '--all-users',
    '--from',
    dump,
    '--path',
    bundle,
    '--no-copy-files',
    '--quiet',
  ]);
  assert.equal(exported.code, 0, exported.stderr);
  const done = await onyx(
    'import',
    '--bundle-path',
    bundle,
    '--users',
    'skip',
    '--no-upload-files',
    '--no-progress',
    '--quiet',
  );
  assert.equal(done.code, 0, done.stderr);
  return { url, bundle, onyx };
}

test('etl onyx verify proves an import, from a bundle and from a dump, and names what differs', async (t) => {
  const { url, bundle, onyx } = await imported(t);
  const clean = await onyx('verify', '--bundle-path', bundle);
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  assert.match(clean.stderr, /ok: Onyx holds what was imported \(\d+ conversations, .*left out by the options/);
  const live = await onyx('verify', '--from', dump);
  assert.deepEqual([live.code, live.stdout], [0, ''], live.stderr);
  const projects = await query(url, 'select count(*)::int as n from user_project');
  assert.ok(Number(projects[0]?.['n']) > 0, 'projects come along');
  const [row] = await query(
    url,
    `update chat_message set message = 'x' where id = (select min(id) from chat_message where message_type = 'USER') returning id, chat_session_id as chat`,
  );
  const found = await onyx('verify', '--bundle-path', bundle);
  assert.equal(found.code, 4);
  assert.match(
    found.stdout,
    new RegExp(`^message: .*chat ${String(row?.['chat'])}.*\\(row ${String(row?.['id'])}\\): text\n$`),
  );
  assert.match(found.stderr, /1 differences \(1 message\)/);
  const json = await onyx('verify', '--bundle-path', bundle, '--json');
  assert.equal((JSON.parse(json.stdout) as { readonly differences: { readonly total: number } }).differences.total, 1);
});

test('etl onyx repair says what it would do, and does it with --apply', async (t) => {
  const { url, bundle, onyx } = await imported(t);
  await query(url, 'update chat_message set latest_child_message_id = null');
  const planned = await onyx('repair', 'latest-child', '--all-sessions', '--max', '2', '--dry-run');
  assert.equal(planned.code, 0, planned.stderr);
  assert.match(planned.stdout, /^chat \S+ message \d+: shows no child\n.*\n… and \d+ more\n$/);
  assert.match(planned.stderr, /\d+ would be repaired\. Give --apply to do it/);
  const done = await onyx('repair', 'latest-child', '--all-sessions', '--apply', '--max', '0');
  assert.match(done.stderr, /\d+ repaired\n/);
  assert.deepEqual(await onyxInvariants(url), []);
  for (const kind of ['citations', 'message-text']) {
    const clean = await onyx('repair', kind, '--user-email', 'user000@example.org');
    assert.match(clean.stderr, /0 would be repaired/, kind);
  }
  const verified = await onyx('verify', '--bundle-path', bundle, '--json');
  const { byKind } = (JSON.parse(verified.stdout) as { readonly differences: { readonly byKind: object } }).differences;
  assert.ok(
    Object.keys(byKind).every((kind) => kind === 'message'),
    'at most another branch is shown than before',
  );
});

test('etl onyx undo lists runs, says what it would do, and does it with --apply', async (t) => {
  const { url, onyx } = await imported(t);
  const list = await onyx('undo');
  assert.match(list.stdout, /^[0-9a-f-]{36} +\d+ chats .* onyx-import-bundle/);
  const run = list.stdout.slice(0, 36);
  const planned = await onyx('undo', '--run', run, '--dry-run');
  assert.match(planned.stderr, /would be taken back: \d+ chats, \d+ messages\. Give --apply/);
  const done = await onyx('undo', '--run', run, '--apply', '--json');
  assert.equal(done.code, 0, done.stderr);
  assert.equal((JSON.parse(done.stdout) as { readonly applied: boolean }).applied, true);
  assert.deepEqual(await query(url, 'select count(*)::int as n from chat_message'), [{ n: 0 }]);
  assert.match((await onyx('undo')).stderr, /nothing was imported/);
});

test('what is not said, or said wrongly, is told before anything is asked', async () => {
  const cases: readonly (readonly [argv: readonly string[], said: RegExp])[] = [
    [['verify'], /nothing is named to compare with/],
    [['verify', '--from', 'x', '--uri', 'mongodb://x/y'], /expected one thing to compare with/],
    [['repair', 'latest-child'], /no chats are named/],
    [['repair', 'citations', '--all-sessions', '--user-email', 'a@b.c'], /one way to name chats/],
    [['repair', 'message-text', '--chat-session-id', '12'], /id of a chat, a UUID/],
    [['undo'], /Onyx's database is not named/],
    [['undo', '--dry-run', '--apply'], /'--dry-run' cannot be used with option '--apply'/],
    [
      ['repair', 'citations', '--all-sessions', '--apply', '--dry-run'],
      /'--dry-run' cannot be used with option '--apply'/,
    ],
  ];
  for (const [argv, said] of cases) {
    const { code, stderr } = await etl(['onyx', ...argv]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, said);
  }
});
