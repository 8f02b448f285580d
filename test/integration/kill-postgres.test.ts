import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { postgresForTests, query } from '../helpers/postgres.ts';
import type { LoadPostgresOptions } from './fixtures/load-postgres.ts';

const script = fileURLToPath(new URL('fixtures/load-postgres.ts', import.meta.url));
const run = promisify(execFile);
const seed = Number(process.env['THREADMILL_TEST_SEED'] ?? 20_250_101);

interface Result {
  readonly status: string;
  readonly counts: { readonly written: number; readonly rejected: number; readonly skipped: number };
  readonly statements: number;
}

/** A load in a process of its own; undefined when it was killed. */
async function load(options: LoadPostgresOptions): Promise<Result | undefined> {
  try {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)]);
    return JSON.parse(stdout) as Result;
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return undefined;
    throw error;
  }
}

/** A table with a few rows in it already. */
async function database(mode: LoadPostgresOptions['mode']): Promise<string> {
  const url = await (await postgresForTests()).database();
  const there = mode === 'append' ? '' : `insert into rows values (3, 'text 3'), (4, 'old'), (9999, 'old')`;
  await query(url, `create table rows (id int primary key, text text not null); ${there}`);
  return url;
}

const content = async (url: string): Promise<unknown> => query(url, 'select * from rows order by id');

/** What was rejected: without the time it was, which differs. */
async function rejectsIn(path: string): Promise<unknown> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { record: unknown }).record);
}

const ways: readonly (Pick<LoadPostgresOptions, 'mode' | 'connections'> & { readonly kills: number })[] = [
  { mode: 'append', connections: 1, kills: 20 },
  { mode: 'append', connections: 3, kills: 8 },
  { mode: 'upsert', connections: 1, kills: 6 },
  { mode: 'upsert', connections: 2, kills: 6 },
  { mode: 'skip-existing', connections: 2, kills: 6 },
  { mode: 'replace', connections: 2, kills: 10 },
];

for (const { mode, connections, kills } of ways) {
  test(`${mode} over ${connections} connections, killed ${kills} times between any two statements, leaves what an unbroken load does (seed ${seed})`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'etl-kill-'));
    t.after(() => rm(directory, { recursive: true }));
    const [unbroken, broken] = [await database(mode), await database(mode)];
    const options = (connectionString: string, name: string) => ({
      ...{ connectionString, mode, connections },
      rejects: join(directory, name),
    });
    const whole = (await load(options(unbroken, 'unbroken'))) ?? assert.fail('killed');
    assert.ok(whole.counts.rejected > 0 && whole.counts.written > 500, JSON.stringify(whole));
    const before = JSON.stringify(await content(broken));
    let random = seed;
    for (let killed = 0; killed < kills; killed += 1) {
      // Numbers of a linear congruential generator (Numerical Recipes).
      random = (random * 1_664_525 + 1_013_904_223) % 2 ** 32;
      // A start alone takes some statements; a part of the whole beyond those leaves work for each attempt.
      const killAt = 1 + (random % Math.floor(20 + whole.statements / kills));
      assert.equal(await load({ ...options(broken, 'broken'), killAt }), undefined, `not killed at ${killAt}`);
      if (mode === 'replace') assert.equal(JSON.stringify(await content(broken)), before, 'readers see the old rows');
    }
    const last = await load(options(broken, 'broken'));
    assert.deepEqual(last?.counts, whole.counts);
    assert.deepEqual(await content(broken), await content(unbroken));
    assert.deepEqual(await rejectsIn(join(directory, 'broken')), await rejectsIn(join(directory, 'unbroken')));
    assert.equal((await load(options(broken, 'broken')))?.status, 'unchanged');
  });
}
