import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { onyxContent, onyxDatabase, onyxInvariants } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';
import type { ImportOnyxOptions } from './fixtures/import-onyx.ts';

const script = fileURLToPath(new URL('fixtures/import-onyx.ts', import.meta.url));
const run = promisify(execFile);
const seed = Number(process.env['THREADMILL_TEST_SEED'] ?? 20_250_101);
const kills = 20;
const chats = 240;

interface Result {
  readonly status: string;
  readonly written: number;
  readonly statements: number;
}

/** An import in a process of its own; undefined when it was killed. */
async function importChats(options: ImportOnyxOptions): Promise<Result | undefined> {
  try {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)]);
    return JSON.parse(stdout) as Result;
  } catch (error) {
    if ((error as { signal?: string }).signal === 'SIGKILL') return undefined;
    throw error;
  }
}

for (const connections of [1, 2]) {
  test(`an import over ${connections} connections that is killed ${kills} times between any two statements leaves what an unbroken one does (seed ${seed})`, async () => {
    const [unbroken, broken] = [await onyxDatabase(), await onyxDatabase()];
    const whole = await importChats({ connectionString: unbroken, chats, connections });
    assert.equal(whole?.written, chats);
    let killed = 0;
    let random = seed;
    let states = 0;
    let before = -1;
    for (; killed < kills; killed += 1) {
      // Numbers of a linear congruential generator (Numerical Recipes).
      random = (random * 1_664_525 + 1_013_904_223) % 2 ** 32;
      // A start alone takes some statements for each connection; the twentieth part of the whole beyond those leaves work for each attempt.
      const killAt: number = 1 + (random % Math.floor(50 + 10 * connections + whole.statements / kills));
      assert.equal(
        await importChats({ connectionString: broken, chats, connections, killAt }),
        undefined,
        `not killed at ${killAt}`,
      );
      assert.deepEqual(await onyxInvariants(broken), [], `killed at ${killAt}`);
      const [there] = await query(broken, 'select count(*)::int as n from chat_session');
      if (there?.['n'] !== before) states += 1;
      before = Number(there?.['n']);
    }
    assert.ok(states > 3, 'the kills came at different places');
    assert.equal((await importChats({ connectionString: broken, chats, connections }))?.written, chats);
    assert.deepEqual(await onyxInvariants(broken), []);
    assert.deepEqual(await onyxContent(broken), await onyxContent(unbroken));
    for (const table of ['tool', 'tool_call', 'search_doc', 'chat_feedback']) {
      const sql = `select count(*)::int as n from ${table}`;
      assert.deepEqual(await query(broken, sql), await query(unbroken, sql), table);
    }
  });
}
