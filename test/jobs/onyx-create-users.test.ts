import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { EtlError } from '../../src/errors.ts';
import type { AccountResult, OnyxAccounts } from '../../src/jobs/onyx-accounts.ts';
import { onyxCreateUsers, type CreateUsersOptions } from '../../src/jobs/onyx-create-users.ts';
import { temporaryPassword } from '../../src/jobs/temporary-password.ts';

const users = ['ana', 'Ben', 'cleo', 'dora', 'emil', 'finn'].map((name) => ({ email: `${name}@example.org` }));

/** Makes accounts as `make` says. */
async function creating(
  t: TestContext,
  make: (email: string, output: string) => AccountResult | Promise<AccountResult>,
  more: Partial<CreateUsersOptions> & Partial<OnyxAccounts> = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'etl-accounts-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const output = join(folder, 'new.jsonl');
  const { takesPasswords = true, makesAdministrator = false, concurrency = 3, ...options } = more;
  const accounts: OnyxAccounts = {
    takesPasswords,
    makesAdministrator,
    concurrency,
    existing: async () => new Set(['ben@example.org']),
    create: async ({ email }) => make(email, output),
    close: async () => undefined,
    ...('existing' in more && more.existing !== undefined && { existing: more.existing }),
  };
  const { signal } = new AbortController();
  const result = onyxCreateUsers(accounts, { users, output, signal, ...options });
  return { result, output };
}

async function emailsIn(path: string): Promise<string[]> {
  if (!existsSync(path)) return [];
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as { email: string }).email).sort();
}

test('a password is on the disk before its account is made', async (t) => {
  let seen = 0;
  const { result } = await creating(t, async (email, output): Promise<AccountResult> => {
    assert.ok((await emailsIn(output)).includes(email));
    seen += 1;
    return 'created';
  });
  assert.deepEqual(await result, { created: 5, wouldCreate: 0, exists: 1, skipped: 0, refused: 0 });
  assert.equal(seen, 5);
});

test('only those that were made, or may have been, keep their line', async (t) => {
  const { result, output } = await creating(t, (email) =>
    email.startsWith('ana') ? { refused: 'no' } : email.startsWith('cleo') ? 'exists' : 'created',
  );
  assert.deepEqual(await result, { created: 3, wouldCreate: 0, exists: 2, skipped: 0, refused: 1 });
  assert.deepEqual(await emailsIn(output), ['dora@example.org', 'emil@example.org', 'finn@example.org']);
  for (const [error, isKept] of [
    [new EtlError('ETL_SINK_FAILED', 'refused for good'), false],
    [new EtlError('ETL_CONNECT_FAILED', 'no answer'), true],
    [new Error('something else'), true],
  ] as const) {
    const failing = await creating(t, () => Promise.reject(error), { concurrency: 1 });
    await assert.rejects(failing.result, error);
    assert.deepEqual(await emailsIn(failing.output), isKept ? ['ana@example.org'] : []);
  }
});

test('a stop lets those under way be made, and begins no other', async (t) => {
  const stop = new AbortController();
  const made: string[] = [];
  const make = (email: string): AccountResult => {
    made.push(email);
    stop.abort();
    return 'created';
  };
  const { result, output } = await creating(t, make, { concurrency: 1, signal: stop.signal });
  await assert.rejects(result, (error: EtlError) => error.code === 'ETL_ABORTED');
  assert.deepEqual(made, ['ana@example.org']);
  assert.deepEqual(await emailsIn(output), made);
});

test('the first account of all is the administrator’s that was named', async (t) => {
  const nobody = { existing: async () => new Set<string>(), makesAdministrator: true, concurrency: 1 };
  for (const admin of [undefined, 'zoe@example.org']) {
    const { result, output } = await creating(t, () => 'created', { ...nobody, admin });
    await assert.rejects(result, (error: EtlError) => error.code === 'ETL_SINK_FAILED');
    assert.ok(!existsSync(output));
  }
  const made: string[] = [];
  const make = (email: string): AccountResult => {
    made.push(email);
    return 'created';
  };
  await (await creating(t, make, { ...nobody, admin: 'EMIL@example.org' })).result;
  assert.equal(made[0], 'emil@example.org');
  assert.equal(made.length, users.length);
});

test('a link is not written through', async (t) => {
  const { output: elsewhere } = await creating(t, () => 'created');
  await writeFile(`${elsewhere}.other`, '');
  const link = `${elsewhere}.link`;
  await symlink(`${elsewhere}.other`, link);
  const { result } = await creating(t, () => 'created', { output: link });
  await assert.rejects(result, (error: EtlError) => error.code === 'ETL_SINK_FAILED' && /ELOOP/.test(error.message));
  assert.equal(await readFile(`${elsewhere}.other`, 'utf8'), '');
});

test('temporary passwords have every kind of character and are never the same', () => {
  const made = Array.from({ length: 2000 }, temporaryPassword);
  assert.equal(new Set(made).size, made.length);
  for (const password of made) {
    assert.match(password, /^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[!@#$%^&*\-_=+])[!-~]{24}$/);
    assert.ok(!/[lIO01]/.test(password), password);
  }
});
