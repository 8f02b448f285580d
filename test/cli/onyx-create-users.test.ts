import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { onyxServerDatabase } from '../helpers/onyx-server-database.ts';
import { onyxServer, type OnyxServer, type OnyxServerOptions } from '../helpers/onyx-server.ts';
import { query } from '../helpers/postgres.ts';
import { etl, folderWith, type Outcome } from './helpers.ts';

const sample = fileURLToPath(new URL('../../samples/librechat', import.meta.url));
const dump = join(sample, 'dump', 'LibreChat');
/** One of the sample, that Onyx does not take for an address. */
const odd = '../../"ødd näme"@xn--exmple-cua.org';

interface Credentials {
  readonly email: string;
  readonly password: string | null;
  readonly role: string;
}

/** An Onyx with an API in front of a real database, and a folder to work in. */
async function onyx(t: TestContext, options: OnyxServerOptions = {}) {
  const server = await onyxServer(t, options);
  const cwd = await folderWith(t);
  const output = join(cwd, 'passwords', 'new.jsonl');
  const run = (...argv: readonly string[]): Promise<Outcome> =>
    etl(['onyx', 'create-users', '--output', output, ...argv], { cwd, env: environment(server) });
  return { server, cwd, output, run };
}

function environment({ url, key }: OnyxServer): Record<string, string> {
  return { ONYX_API_BASE: url, ONYX_API_KEY: key };
}

async function credentialsIn(path: string): Promise<Credentials[]> {
  const text = await readFile(path, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Credentials);
}

function assertStrong(password: string | null | undefined): void {
  assert.match(password ?? '', /^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[!@#$%^&*\-_=+])[!-~]{24}$/);
}

test('makes an account for everybody in a dump who has none, and nobody’s password is shown', async (t) => {
  const database = await onyxServerDatabase(['user000@example.org', 'admin@example.org']);
  const { server, output, run } = await onyx(t, { database });
  const { code, stdout, stderr } = await run('--from', dump, '--skip-email', 'USER004@example.org', odd);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^is there +user000@example\.org$/m);
  assert.match(stdout, /^skipped +user004@example\.org$/m);
  assert.match(stdout, /^created +user005@example\.org$/m);
  const credentials = await credentialsIn(output);
  assert.equal((await stat(output)).mode & 0o777, 0o600);
  assert.equal(new Set(credentials.map(({ password }) => password)).size, credentials.length);
  for (const { email, password, role } of credentials) {
    assertStrong(password);
    assert.equal(role, 'basic');
    assert.equal(server.passwords.get(email.toLowerCase()), password);
    assert.ok(!(stdout + stderr).includes(password ?? ''));
  }
  const rows = await query(database, 'select email from "user"');
  const emails = rows.map(({ email }) => String(email));
  assert.ok(credentials.every(({ email }) => emails.includes(email.toLowerCase())));
  assert.match(stderr, new RegExp(`^${credentials.length} created, 1 there already, 2 skipped`, 'm'));

  const before = await readFile(output);
  const again = await run('--from', dump, '--skip-email', 'user004@example.org', '--skip-email', odd);
  assert.equal(again.code, 0);
  assert.ok(!again.stdout.includes('created'));
  assert.deepEqual(await readFile(output), before);
  assert.equal((await query(database, 'select email from "user"')).length, rows.length);
});

test('a dry run makes nothing and says what it would make', async (t) => {
  const { server, cwd, run } = await onyx(t, { emails: ['user000@example.org'] });
  const { code, stdout } = await run('--from', dump, '--dry-run', '--json');
  assert.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { email: string; outcome: string });
  assert.ok(lines.some(({ email, outcome }) => email === 'user000@example.org' && outcome === 'exists'));
  assert.ok(lines.filter(({ outcome }) => outcome === 'wouldCreate').length >= 4);
  assert.equal(server.passwords.size, 0);
  assert.deepEqual(await readdir(cwd), []);
});

test('reads the people of bundles: ours, one user’s folder, and those of the older tool', async (t) => {
  const { cwd, run, server } = await onyx(t);
  const bundle = join(cwd, 'bundle');
  const exported = await etl(['librechat', 'export', '--all-users', '--from', dump, '--path', bundle, '--quiet']);
  assert.equal(exported.code, 0, exported.stderr);
  const ours = await run('--bundle-path', bundle, '--dry-run');
  assert.match(ours.stdout, /would be created +user005@example\.org/);
  assert.match(ours.stderr, /1 without an address/);
  const one = await run('--bundle-path', join(bundle, 'user000_example.org'));
  assert.equal(one.stdout, 'created          user000@example.org\n');

  const older = join(cwd, 'older');
  for (const [folder, summary, line] of [
    ['ben-example-org', '{"email": "Ben@Example.org", "user_id": "1"}', '{}'],
    ['cleo-example-org', undefined, '{"user_email": "cleo@example.org", "conversation": {}, "messages": []}'],
    ['broken', '{"email": ', '{"user_email": "dora@example.org"}\n{"user_email": "BEN@example.org"}\n{}'],
  ] as const) {
    await mkdir(join(older, folder), { recursive: true });
    if (summary !== undefined) await writeFile(join(older, folder, 'summary.json'), summary);
    await writeFile(join(older, folder, 'conversations.jsonl'), `${line}\n`);
  }
  const found = await run('--bundle-path', older, join(bundle, 'user000_example.org'));
  assert.equal(found.code, 0, found.stderr);
  assert.deepEqual(found.stdout.trimEnd().split('\n').sort(), [
    'created          Ben@Example.org',
    'created          cleo@example.org',
    'created          dora@example.org',
    'is there         user000@example.org',
  ]);
  assert.deepEqual([...server.passwords.keys()].sort(), [
    'ben@example.org',
    'cleo@example.org',
    'dora@example.org',
    'user000@example.org',
  ]);
});

test('what Onyx refuses is said, leaves no password behind, and does not stop the others', async (t) => {
  const { server, output, run } = await onyx(t);
  const refusal = { status: 403, body: '{"detail":"User not on allowed user whitelist"}' };
  server.fail('/auth/register', refusal);
  const { code, stdout, stderr } = await run('--from', dump);
  assert.equal(code, 3, stderr);
  const [, refused = ''] = /^refused +(\S+): User not on allowed user whitelist$/m.exec(stdout) ?? [];
  assert.notEqual(refused, '');
  const credentials = await credentialsIn(output);
  assert.equal(credentials.length, server.passwords.size);
  assert.ok(!credentials.some(({ email }) => email === refused));
  assert.equal((await stat(output)).mode & 0o777, 0o600);
  const all = await onyx(t);
  all.server.fail('/auth/register', ...Array<typeof refusal>(20).fill(refusal));
  assert.equal((await all.run('--from', dump)).code, 3);
  assert.deepEqual(await readdir(join(all.cwd, 'passwords')), []);
});

test('adds to a file that is there, and closes it to others', async (t) => {
  const { cwd, run } = await onyx(t);
  const output = join(cwd, 'open.jsonl');
  await writeFile(output, '{"email":"old@example.org"}\n');
  await chmod(output, 0o644);
  assert.equal((await run('--from', dump, '--output', output, '--skip-email', odd)).code, 0);
  assert.equal((await stat(output)).mode & 0o777, 0o600);
  assert.equal((await credentialsIn(output))[0]?.email, 'old@example.org');
});

test('makes no account whose password cannot be written', async (t) => {
  const { server, cwd, run } = await onyx(t);
  const output = join(cwd, 'folder');
  await mkdir(output);
  const { code, stderr } = await run('--from', dump, '--output', output);
  assert.equal(code, 1);
  assert.match(stderr, /ETL_SINK_FAILED.*cannot write the passwords: EISDIR/);
  assert.equal(server.passwords.size, 0);
});

test('an Onyx without sign-up by password, a wrong key and a missing one say what to do', async (t) => {
  const { server, cwd, run } = await onyx(t);
  server.fail(
    '/auth/register',
    ...Array<{ status: 404; body: string }>(9).fill({ status: 404, body: '{"detail":"Not Found"}' }),
  );
  const refused = await run('--from', dump);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /no sign-up by password[^]*--via database/);
  assert.deepEqual(await readdir(join(cwd, 'passwords')), []);
  const argv = ['onyx', 'create-users', '--from', dump];
  const wrong = await etl(argv, { cwd, env: { ...environment(server), ONYX_API_KEY: 'on_wrong-secret-key' } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /ETL_AUTH_FAILED/);
  assert.ok(!wrong.stderr.includes('wrong-secret-key'));
  for (const [env, expected] of [
    [{ ONYX_API_BASE: server.url }, /no key for the API/],
    [{}, /no Onyx is named\n.*ONYX_API_BASE/],
  ] as const) {
    const { code, stderr } = await etl(argv, { cwd, env });
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
  const both = await run('--from', dump, '--bundle-path', cwd);
  assert.equal(both.code, 2);
});

test('--via database makes rows that can sign in, each alone, and the administrator first', async (t) => {
  const url = await onyxServerDatabase();
  const { cwd, output, run } = await onyx(t);
  await writeFile(join(cwd, '.env'), `ONYX_DATABASE_URL=${url}\n`);
  const nobody = await run('--from', dump, '--via', 'database');
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /the first one becomes its administrator\n.*--admin/);
  assert.equal((await query(url, 'select 1 from "user"')).length, 2);

  const made = await run('--from', dump, '--via', 'database', '--admin', 'user005@example.org');
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^created +user005@example\.org\n/);
  const credentials = await credentialsIn(output);
  const rows = await query(
    url,
    `select u.email, u.role, u.effective_permissions, g.name as "group", u.hashed_password
       from "user" u left join user__user_group m on m.user_id = u.id left join user_group g on g.id = m.user_group_id
      where u.id <> '00000000-0000-0000-0000-000000000002'`,
  );
  assert.equal(rows.length, credentials.length);
  for (const { email, role, effective_permissions: permissions, group } of rows) {
    assert.equal(email, String(email).toLowerCase());
    assert.equal(role, email === 'user005@example.org' ? 'ADMIN' : null);
    assert.deepEqual(permissions, ['basic']);
    assert.equal(group, 'Basic');
  }
  const checks = await query(
    url,
    `select bool_and(u.hashed_password = crypt(c.password, u.hashed_password) and u.hashed_password like '$2a$10$%') as ok
       from json_to_recordset($1) as c(email text, password text) join "user" u on u.email = lower(c.email)`,
    [JSON.stringify(credentials)],
  );
  assert.deepEqual(checks, [{ ok: true }]);
  const again = await run('--from', dump, '--via', 'database');
  assert.ok(!again.stdout.includes('created'));
  assert.equal((await credentialsIn(output)).length, credentials.length);
});

test('--via database without pgcrypto makes accounts whose password nobody knows', async (t) => {
  const url = await onyxServerDatabase(['admin@example.org']);
  await query(url, 'drop extension pgcrypto');
  const { output, run } = await onyx(t);
  const { host, port, password } = parts(url);
  const name = new URL(url).pathname.slice(1);
  const flags = [
    '--db-host',
    host,
    '--db-port',
    port,
    '--db-user',
    'postgres',
    '--db-password',
    password,
    '--db-name',
    name,
  ];
  const { code, stderr } = await run('--from', dump, '--via', 'database', ...flags);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /passwords that nobody knows/);
  assert.ok((await credentialsIn(output)).every(({ password: made }) => made === null));
  const rows = await query(url, `select 1 from "user" where hashed_password like '$2b$12$%'`);
  assert.equal(rows.length, (await credentialsIn(output)).length);
});

function parts(url: string): { host: string; port: string; password: string } {
  const { hostname: host, port, password } = new URL(url);
  return { host, port, password };
}
