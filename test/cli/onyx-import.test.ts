import assert from 'node:assert/strict';
import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { olderBundle, olderChatId } from '../helpers/older-bundle.ts';
import { onyxInvariants } from '../helpers/onyx/database.ts';
import { onyxServerDatabase } from '../helpers/onyx-server-database.ts';
import { onyxServer, type OnyxServer, type OnyxServerOptions } from '../helpers/onyx-server.ts';
import { query } from '../helpers/postgres.ts';
import { etl, folderWith, type Outcome } from './helpers.ts';

const sample = fileURLToPath(new URL('../../samples/librechat', import.meta.url));
const everybody = [
  'user000@example.org',
  'ana+maria@example.org',
  'ana!maria@example.org',
  'user004@example.org',
  'user005@example.org',
];

interface Surroundings {
  readonly cwd: string;
  readonly url: string;
  readonly server: OnyxServer;
  readonly env: Readonly<Record<string, string>>;
  run(...argv: readonly string[]): Promise<Outcome>;
}

/** An Onyx with a database and an API, and a folder to work in. */
async function onyx(t: TestContext, emails: readonly string[], options: OnyxServerOptions = {}): Promise<Surroundings> {
  const url = await onyxServerDatabase(emails);
  const server = await onyxServer(t, { database: url, ...options });
  const cwd = await folderWith(t);
  const env = { ONYX_DATABASE_URL: url, ONYX_API_BASE: server.url, ONYX_API_KEY: server.key };
  const rejects = join(cwd, 'rejects.jsonl');
  const run = (...argv: readonly string[]): Promise<Outcome> =>
    etl(['onyx', 'import', '--rejects', rejects, '--no-progress', ...argv], { cwd, env });
  return { cwd, url, server, env, run };
}

async function exported(path: string, ...more: readonly string[]): Promise<string> {
  const from = join(sample, 'dump', 'LibreChat');
  const argv = [
    'librechat',
    'export',
    '--all-users',
    '--from',
    from,
    '--asset-root',
    sample,
    '--path',
    path,
    '--quiet',
  ];
  const { code, stderr } = await etl([...argv, ...more]);
  assert.equal(code, 0, stderr);
  return path;
}

async function sessions(url: string): Promise<Record<string, unknown>[]> {
  return query(
    url,
    'select s.id, s.description, u.email from chat_session s join "user" u on u.id = s.user_id order by s.id',
  );
}

test('imports a bundle with its files; the same again changes nothing', async (t) => {
  const { cwd, url, server, run } = await onyx(t, everybody);
  const bundle = await exported(join(cwd, 'bundle'));
  const { code, stderr } = await run('--bundle-path', bundle, '--users', 'skip');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /written/);
  assert.deepEqual(await onyxInvariants(url), []);
  const imported = await sessions(url);
  assert.ok(imported.length > 40, `${imported.length} chats`);
  assert.ok(server.files.length > 0);
  assert.equal(new Set(server.files.map(({ sha256 }) => sha256)).size, server.files.length, 'each content once');
  const named = await query(
    url,
    `select count(*)::int as all, count(r.file_id)::int as there
       from chat_message m cross join jsonb_array_elements(m.files) f left join file_record r on r.file_id = f ->> 'id'
      where jsonb_typeof(m.files) = 'array'`,
  );
  assert.ok(Number(named[0]?.['all']) > 0);
  assert.equal(named[0]?.['there'], named[0]?.['all']);

  const again = await run('--bundle-path', bundle, '--users', 'skip');
  assert.equal(again.code, 0);
  assert.match(again.stderr, /nothing to do/);
  const anew = await run('--bundle-path', bundle, '--users', 'skip', '--new-run');
  assert.equal(anew.code, 0, anew.stderr);
  assert.deepEqual(await sessions(url), imported);
  assert.equal(new Set(server.files.map(({ sha256 }) => sha256)).size, server.files.length, 'nothing uploaded twice');
});

test('imports a bundle of the older tool, files included', async (t) => {
  const { cwd, url, server, run } = await onyx(t, ['ana@example.org']);
  const folder = await olderBundle(join(cwd, 'export_20250302'));
  const { code, stderr } = await run('--bundle-path', folder);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await sessions(url), [{ id: olderChatId, description: 'A chart', email: 'ana@example.org' }]);
  const rows = await query(url, "select message, files from chat_message where message_type <> 'SYSTEM' order by id");
  assert.deepEqual(
    rows.map(({ message }) => message),
    ['What does this chart show?', 'Growth.', 'Growth, mostly in spring.', 'Thanks! 🌱', 'You are welcome.'],
  );
  const [image] = server.files;
  assert.equal(image?.bytes.toString(), 'not really a picture');
  const files = rows[0]?.['files'] as readonly { id: string; type: string; name: string }[];
  assert.deepEqual(
    files.map(({ id, type, name }) => [id, type, name]),
    [[image.file_id, 'image', 'chart.png']],
  );
  assert.deepEqual(await onyxInvariants(url), []);
  assert.match(stderr, /left behind: .*file/);
});

test('--skip-branching leaves chats with branches out, --split-branches makes a chat of each', async (t) => {
  const chats = await onyx(t, ['ana@example.org']);
  const folder = await olderBundle(chats.cwd);
  const skipped = await chats.run('--bundle-path', folder, '--skip-branching', '--no-upload-files');
  assert.equal(skipped.code, 0, skipped.stderr);
  assert.match(skipped.stderr, /1 skipped/);
  assert.equal((await sessions(chats.url)).length, 0);
  assert.deepEqual(chats.server.files, []);
  const split = await chats.run('--bundle-path', folder, '--split-branches', '--no-upload-files', '--new-run');
  assert.equal(split.code, 0, split.stderr);
  assert.equal((await sessions(chats.url)).length, 2);
  assert.deepEqual(await onyxInvariants(chats.url), []);
  const both = await chats.run('--bundle-path', folder, '--split-branches', '--branches', 'tree');
  assert.equal(both.code, 2);
  assert.match(both.stderr, /two ways: tree and split/);
});

test('--user-email brings one person’s chats to another account, and refuses those of several people', async (t) => {
  const { cwd, url, run } = await onyx(t, ['boss@example.com', ...everybody]);
  const bundle = await exported(join(cwd, 'bundle'));
  const refused = await run('--bundle-path', bundle, '--user-email', 'boss@example.com');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /holds the chats of \d people[^]*--only-user/);
  assert.equal((await sessions(url)).length, 0);
  for (const argv of [
    ['--bundle-path', join(bundle, 'user000_example.org'), '--user-email', 'Boss@example.com'],
    ['--bundle-path', bundle, '--user-email', 'boss@example.com', '--only-user', 'USER005@example.org'],
  ]) {
    const { code, stderr } = await run(...argv);
    assert.equal(code, 0, stderr);
  }
  const owners = new Set((await sessions(url)).map(({ email }) => email));
  assert.deepEqual([...owners], ['boss@example.com']);
  assert.deepEqual(await onyxInvariants(url), []);
});

test('a folder of exports is all of them; each bundle has its own run', async (t) => {
  const { cwd, url, run } = await onyx(t, everybody);
  const exports = join(cwd, 'exports');
  await exported(join(exports, 'export_1'), '--max-conversations', '10');
  await exported(join(exports, 'export_2'), '--max-conversations', '20');
  const { code, stderr } = await run('--bundle-path', exports, '--users', 'skip', '--no-upload-files', '--quiet');
  assert.equal(code, 0, stderr);
  const runs = await query(url, "select pipeline from etl.run where progress ->> 'status' = 'finished' order by 1");
  assert.deepEqual(
    runs.map(({ pipeline }) => String(pipeline).replace(/-[0-9a-f]{8}$/, '')),
    ['onyx-import-export_1', 'onyx-import-export_2'],
  );
});

test('--max-conversations takes the first; a dry run needs no database and writes nothing', async (t) => {
  const { cwd, url, env, run } = await onyx(t, ['ana@example.org']);
  const folder = await olderBundle(cwd);
  const dry = await etl(['onyx', 'import', '--bundle-path', folder, '--dry-run'], { cwd });
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stderr, /dry run finished/);
  const { ONYX_DATABASE_URL: _, ...noDatabase } = env;
  const none = await etl(['onyx', 'import', '--bundle-path', folder], { cwd, env: noDatabase });
  assert.equal(none.code, 2);
  assert.match(none.stderr, /database is not named\n.*ONYX_DATABASE_URL/);
  await writeFile(join(cwd, '.env'), `POSTGRES_HOST=${new URL(url).hostname}\nPOSTGRES_PASSWORD=unused\n`);
  const { port, password, pathname } = new URL(url);
  const flags = [
    '--db-port',
    port,
    '--db-password',
    password,
    '--db-name',
    pathname.slice(1),
    '--max-conversations',
    '1',
  ];
  const named = await etl(['onyx', 'import', '--bundle-path', folder, '--no-upload-files', ...flags], { cwd });
  assert.equal(named.code, 0, named.stderr);
  assert.equal((await sessions(url)).length, 1);
  assert.equal((await run('--bundle-path', folder, '--db-port', '99999')).code, 2);
});

test('a bundle that is not as it was made is refused, and imported all the same on demand', async (t) => {
  const { cwd, url, run } = await onyx(t, everybody);
  const bundle = await exported(join(cwd, 'bundle'));
  const chats = join(bundle, 'user000_example.org', 'conversations.jsonl');
  const whole = await readFile(chats, 'utf8');
  await writeFile(chats, whole.replace('"title":"', '"title":"tampered '));
  const refused = await run('--bundle-path', bundle, '--users', 'skip');
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /ETL_SOURCE_INVALID.*user000_example\.org\/conversations\.jsonl: SHA-256.*\n[^]*etl verify/,
  );
  assert.equal((await sessions(url)).length, 0);
  assert.equal((await run('--bundle-path', bundle, '--users', 'skip', '--no-check')).code, 0);
  assert.equal((await sessions(url)).filter(({ description }) => String(description).startsWith('tampered')).length, 1);
});

test('a bundle that was not completed, or was cut short, says so', async (t) => {
  const { cwd, url, run } = await onyx(t, ['ana@example.org']);
  const bundle = await exported(join(cwd, 'bundle'), '--max-conversations', '3');
  await rm(join(bundle, 'MANIFEST.json'));
  const unfinished = await run('--bundle-path', bundle);
  assert.equal(unfinished.code, 1);
  assert.match(unfinished.stderr, /ETL_SOURCE_INVALID.*was not completed/);
  const folder = await olderBundle(cwd);
  const chats = join(folder, 'conversations.jsonl');
  await appendFile(chats, await readFile(chats));
  await truncate(chats, (await readFile(chats)).length - 40);
  const cut = await run('--bundle-path', folder);
  assert.equal(cut.code, 3, cut.stderr);
  assert.match(cut.stderr, /1 written \+ 1 rejected[^]*ends inside a string/);
  assert.deepEqual(await onyxInvariants(url), []);
  const nowhere = await run('--bundle-path', join(cwd, 'nowhere'));
  assert.match(nowhere.stderr, /ETL_SOURCE_NOT_FOUND/);
});

test('somebody without an account stops the import, is skipped, or gets an account, by choice', async (t) => {
  const { cwd, url, run } = await onyx(t, ['other@example.org']);
  const folder = await olderBundle(cwd);
  const stopped = await run('--bundle-path', folder, '--no-upload-files');
  assert.equal(stopped.code, 1, stopped.stderr);
  assert.match(stopped.stderr, /ana@example\.org/i);
  const skipped = await run('--bundle-path', folder, '--no-upload-files', '--users', 'skip', '--new-run');
  assert.equal(skipped.code, 0, skipped.stderr);
  assert.equal((await sessions(url)).length, 0);
  const created = await run('--bundle-path', folder, '--no-upload-files', '--users', 'create', '--new-run');
  assert.equal(created.code, 0, created.stderr);
  assert.deepEqual(
    (await sessions(url)).map(({ email }) => email),
    ['ana@example.org'],
  );
});

test('a file that is not what its digest says is left behind, and not uploaded', async (t) => {
  const { cwd, url, server, run } = await onyx(t, ['ana@example.org']);
  const folder = await olderBundle(cwd);
  await writeFile(join(folder, 'files', 'file-1', 'chart.png'), 'somebody else’s picture');
  const { code, stderr } = await run('--bundle-path', folder);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /1 file \(not what its digest says\)/);
  assert.deepEqual(server.files, []);
  assert.equal((await sessions(url)).length, 1);
});

test('a run that is tried again says why, and a password is in nothing that is said', async (t) => {
  const { cwd, url, server, run } = await onyx(t, ['ana@example.org']);
  const folder = await olderBundle(cwd);
  server.fail('/user/projects/file/upload', { status: 503 });
  const { code, stderr } = await run('--bundle-path', folder);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning onyx: HTTP 503: trying again/);
  const name = new URL(url).pathname.slice(1);
  const failed = await run(
    '--bundle-path',
    folder,
    '--db-name',
    `${name}_not_there`,
    '--db-password',
    'the-password-given',
  );
  assert.equal(failed.code, 1);
  assert.ok(!failed.stderr.includes('the-password-given'), failed.stderr);
});

test('files that Onyx refuses are left behind and counted; an API that is away stops before anything is half there', async (t) => {
  const rejects = (): string => 'Unsupported file type';
  const { cwd, url, run } = await onyx(t, ['ana@example.org'], { rejects });
  const folder = await olderBundle(cwd);
  const { code, stderr } = await run('--bundle-path', folder);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Onyx: Unsupported file type/);
  assert.equal((await sessions(url)).length, 1);

  const other = await onyx(t, ['ana@example.org']);
  const wrong = await etl(['onyx', 'import', '--bundle-path', folder], {
    cwd,
    env: { ...other.env, ONYX_API_KEY: 'on_wrong-secret-key' },
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /ETL_AUTH_FAILED/);
  assert.ok(!wrong.stderr.includes('wrong-secret-key'));
  assert.deepEqual(await sessions(other.url), []);
  const right = await other.run('--bundle-path', folder);
  assert.equal(right.code, 0, right.stderr);
  assert.equal((await sessions(other.url)).length, 1);
});
