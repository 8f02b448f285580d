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

test('another bundle in the same place is imported, and each bundle is finished once', async (t) => {
  const { cwd, url, run } = await onyx(t, everybody);
  const bundle = join(cwd, 'bundle');
  const argv = ['--bundle-path', bundle, '--users', 'create', '--no-upload-files'];
  await exported(bundle, '--max-conversations', '4');
  const first = await run(...argv);
  assert.equal(first.code, 0, first.stderr);
  const early = await sessions(url);
  assert.match((await run(...argv)).stderr, /nothing to do/);
  for (const path of [bundle, `${bundle}.etl`]) await rm(path, { recursive: true });
  await exported(bundle);
  const second = await run(...argv);
  assert.match(second.stderr, /skipped: .*imported before/);
  const late = await sessions(url);
  assert.ok(late.length > early.length + 30, `${late.length} chats`);
  assert.deepEqual(
    late.filter(({ id }) => early.some((chat) => chat['id'] === id)),
    early,
  );
  assert.match((await run(...argv)).stderr, /nothing to do/);
  assert.deepEqual(await sessions(url), late);
  assert.deepEqual(await onyxInvariants(url), []);
});

test('a bundle of the older tool that has grown is imported again', async (t) => {
  const { cwd, url, run } = await onyx(t, ['ana@example.org']);
  const folder = await olderBundle(cwd);
  const argv = ['--bundle-path', folder, '--no-upload-files'];
  assert.equal((await run(...argv)).code, 0);
  assert.match((await run(...argv)).stderr, /nothing to do/);
  const chats = join(folder, 'conversations.jsonl');
  const other = '0b5f9d1e-1111-4000-8000-000000000002';
  await appendFile(chats, (await readFile(chats, 'utf8')).replaceAll(olderChatId, other));
  const { code, stderr } = await run(...argv);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /1 written \+ 1 skipped/);
  assert.deepEqual(
    (await sessions(url)).map(({ id }) => id),
    [olderChatId, other],
  );
});

test('chats that were left out come in with the same command when their owners have accounts', async (t) => {
  const { cwd, url, run } = await onyx(t, ['user000@example.org']);
  const bundle = await exported(join(cwd, 'bundle'));
  const argv = ['--bundle-path', bundle, '--users', 'skip', '--no-upload-files'];
  const first = await run(...argv);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /without an account: 5 people \(.*user004@example\.org.*\), 1 without .*create-users/);
  const early = await sessions(url);
  assert.match((await run(...argv)).stderr, /nothing to do[^]*without an account: 5 people/);
  await query(
    url,
    `insert into "user" (id, email, hashed_password, is_active, is_superuser, is_verified)
     values (gen_random_uuid(), 'user004@example.org', 'x', true, false, true)`,
  );
  const second = await run(...argv);
  assert.equal(second.code, 0, second.stderr);
  const emails = (await sessions(url)).map(({ email }) => email);
  assert.equal(emails.filter((email) => email === 'user000@example.org').length, early.length);
  assert.ok(emails.includes('user004@example.org'));
  assert.match((await run(...argv)).stderr, /nothing to do/);
});

test('a trial with some chats is no hindrance to the import of all', async (t) => {
  const { cwd, url, run } = await onyx(t, everybody);
  const bundle = await exported(join(cwd, 'bundle'));
  const argv = ['--bundle-path', bundle, '--no-upload-files', '--quiet'];
  const choices = [
    ['--max-conversations', '2', '--only-user', 'user000@example.org'],
    ['--only-user', 'user000@example.org'],
    ['--only-user', 'user005@example.org'],
    ['--users', 'skip'],
    ['--users', 'create', '--only-user', 'user004@example.org', 'ana+maria@example.org'],
  ];
  let before = 0;
  for (const choice of choices) {
    const { code, stderr } = await run(...argv, ...choice);
    assert.equal(code, 0, stderr);
    const { length } = await sessions(url);
    assert.ok(length > before || choice[1] === 'create', choice.join(' '));
    before = length;
  }
  assert.deepEqual(await onyxInvariants(url), []);
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

test('--projects, --archived and --long-text say what becomes of what Onyx has another place for', async (t) => {
  const { cwd, url, run } = await onyx(t, ['ana@example.org']);
  const folder = await olderBundle(cwd);
  const chats = join(folder, 'conversations.jsonl');
  const line = (await readFile(chats, 'utf8')).trim();
  const changed = (id: string, text: string, put: string): string =>
    line
      .replaceAll(olderChatId, olderChatId.replace(/1$/, id))
      .replaceAll('Growth.', text)
      .replace('"title":', `${put}"title":`);
  const words = Array.from({ length: 130_000 }, (_, index) => `word${index}`).join(' ');
  await writeFile(
    chats,
    [
      line,
      changed('2', 'Growth.', '"isArchived":true,'),
      changed('3', 'Growth.', '"tags":["spring"],'),
      changed('4', words, ''),
    ]
      .map((text) => `${text}\n`)
      .join(''),
  );
  const argv = ['--bundle-path', folder];
  const cut = await run(...argv, '--long-text', 'cut', '--no-upload-files');
  assert.equal(cut.code, 2);
  assert.match(cut.stderr, /--long-text cut attaches .*\n.*ONYX_API_BASE/);
  const flags = ['--no-upload-files', '--projects', 'tag', '--archived', 'skip', '--long-text', 'reject'];
  const dry = await run(...argv, ...flags, '--dry-run');
  assert.match(dry.stderr, /would be imported: 3 of 4 conversations\n {2}left out by --branches or --archived: 1/);
  const { code, stderr } = await run(...argv, ...flags);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /2 written \+ 1 skipped \+ 1 rejected/);
  assert.deepEqual(
    await query(
      url,
      'select s.id, p.name from chat_session s left join user_project p on p.id = s.project_id order by s.id',
    ),
    [
      { id: olderChatId, name: null },
      { id: olderChatId.replace(/1$/, '3'), name: 'spring' },
    ],
  );
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
  assert.match(dry.stderr, /dry run finished[^]*no database is named: accounts, .* were not looked at/);
  const { ONYX_DATABASE_URL: _, ...noDatabase } = env;
  const none = await etl(['onyx', 'import', '--bundle-path', folder], { cwd, env: noDatabase });
  assert.equal(none.code, 2);
  assert.match(none.stderr, /database is not named\n.*ONYX_DATABASE_URL.*postgresql:\/\/onyx@db/);
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

test('everybody without an account is named before the import and where it stops', async (t) => {
  const { cwd, url, run } = await onyx(t, ['user000@example.org']);
  const bundle = await exported(join(cwd, 'bundle'));
  const { code, stderr } = await run('--bundle-path', bundle, '--no-upload-files');
  assert.equal(code, 1);
  assert.match(stderr, /warning without an account: 5 people \(.*, ana!maria@example\.org, .*\), 1 without /);
  assert.match(
    stderr,
    /ETL_SINK_FAILED: Onyx has no account for .*user004@example\.org, .*and for an owner without an e-mail address/,
  );
  assert.match(stderr, /`etl onyx create-users` makes accounts[^]*--users skip/);
  assert.deepEqual(await sessions(url), []);
});

test('a dry run looks at Onyx: what stops the import stops it, and nothing is written', async (t) => {
  const { cwd, url, env, run } = await onyx(t, ['user000@example.org', 'user004@example.org']);
  const bundle = await exported(join(cwd, 'bundle'));
  const tables = (): Promise<Record<string, unknown>[]> =>
    query(
      url,
      "select table_schema, table_name from information_schema.tables where table_schema <> 'pg_catalog' order by 1, 2",
    );
  const before = await tables();
  const argv = ['--bundle-path', bundle, '--no-upload-files', '--dry-run'];
  const stopped = await run(...argv);
  assert.equal(stopped.code, 1, stopped.stderr);
  assert.match(stopped.stderr, /looked at .*Onyx v2\.6 or newer\n {2}would be imported: \d+ of 54 conversations/);
  assert.match(stopped.stderr, /without an account: 4 people with \d+ conversations: .*, ana!maria@example\.org, /);
  assert.match(stopped.stderr, /ETL_SINK_FAILED: Onyx has no account for .*ana!maria@example\.org/);
  const created = await run(...argv, '--users', 'create');
  assert.equal(created.code, 0, created.stderr);
  assert.match(created.stderr, /accounts would be made: 4 people/);
  assert.deepEqual(await tables(), before);

  const some = await run('--bundle-path', bundle, '--no-upload-files', '--only-user', 'user004@example.org');
  assert.equal(some.code, 0, some.stderr);
  const { length } = await sessions(url);
  const again = await run(...argv, '--users', 'skip', '--branches', 'skip');
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, new RegExp(`imported before: ${length}\n {2}left out by --branches or --archived: \\d+`));
  assert.equal((await sessions(url)).length, length);

  const wrong: readonly (readonly [more: readonly string[], env: object, said: RegExp])[] = [
    [['--db-name', 'nobody_made_this'], {}, /ETL_SOURCE_NOT_FOUND.*nobody_made_this/],
    [['--schema', 'elsewhere'], {}, /schema "elsewhere" holds no Onyx tables/],
    [['--persona-id', '77'], {}, /persona/],
    [['--db-user', 'nobody_here'], {}, /ETL_AUTH_FAILED/],
  ];
  for (const [more, variables, said] of wrong) {
    const { code, stderr } = await etl(['onyx', 'import', ...argv, ...more], { cwd, env: { ...env, ...variables } });
    assert.notEqual(code, 0, more.join(' '));
    assert.match(stderr, said);
  }
  const key = await etl(['onyx', 'import', '--bundle-path', bundle, '--dry-run'], {
    cwd,
    env: { ...env, ONYX_API_KEY: 'on_another-key' },
  });
  assert.equal(key.code, 1);
  assert.match(key.stderr, /ETL_AUTH_FAILED/);
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
