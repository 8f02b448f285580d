import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { createRandom } from '../helpers/librechat-data/random.ts';
import { olderBundle, olderChatId } from '../helpers/older-bundle.ts';
import { onyxContent, onyxDatabase, onyxInvariants } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const stopAtStatement = new URL('fixtures/stop-at-statement.ts', import.meta.url).href;
const tsx = import.meta.resolve('tsx');
const seed = Number(process.env['THREADMILL_TEST_SEED'] ?? 20_250_101);
const rounds = 3;
const chats = 400;

/** A bundle of so many chats that they take several transactions. */
async function largeBundle(path: string): Promise<string> {
  const folder = await olderBundle(path);
  const file = join(folder, 'conversations.jsonl');
  const line = await readFile(file, 'utf8');
  const words = Array.from({ length: 500 }, (_, number) => `word${number}`).join(' ');
  const lines = Array.from({ length: chats }, (_, number) => {
    const id = olderChatId.replace(/0{8}1$/, String(number).padStart(9, '0'));
    return line.replaceAll(olderChatId, id).replaceAll('Growth.', `Growth ${number}: ${words}`);
  });
  await writeFile(file, lines.join(''));
  return folder;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly statements: number;
}

test(`an import whose command is interrupted, killed and given again brings what an unbroken one does, ${rounds} times (seed ${seed})`, {
  timeout: 300_000,
}, async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'kill-onyx-command-'));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  const bundle = await largeBundle(cwd);
  const given = `etl onyx import --bundle-path ${bundle} --no-upload-files --connections 2 --no-progress`;
  const unbroken = await onyxDatabase();

  /** Gives a command line to a shell, which may be stopped at a statement. */
  const run = async (line: string, database: string, stopAt = 0, stopBy = 'SIGKILL'): Promise<Ended> => {
    const statements = join(cwd, 'statements');
    const etl = `etl() { exec "$NODE" --import ${tsx} --import ${stopAtStatement} ${main} "$@"; }`;
    const child = spawn('sh', ['-c', `${etl}\n${line}`], {
      cwd,
      env: {
        PATH: process.env['PATH'],
        NODE: process.execPath,
        ONYX_DATABASE_URL: database,
        STOP_AT: String(stopAt),
        STOP_BY: stopBy,
        STATEMENTS_FILE: statements,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [stderr, [code, signal]] = await Promise.all([
      text(child.stderr),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    ]);
    return { code, signal, stderr, statements: code === null ? 0 : Number(await readFile(statements, 'utf8')) };
  };

  const whole = await run(given, unbroken);
  assert.equal(whole.code, 0, whole.stderr);
  const [loads] = await query(unbroken, 'select count(*)::int as n from etl.onyx_load');
  assert.ok(Number(loads?.['n']) > 2, `${String(loads?.['n'])} transactions`);

  const expected = await onyxContent(unbroken);

  const random = createRandom(seed);
  const there = new Set<unknown>();
  for (let round = 0; round < rounds; round += 1) {
    const broken = await onyxDatabase();
    const interrupted = await run(given, broken, Math.floor(whole.statements / 2), 'SIGINT');
    assert.equal(interrupted.code, 75, interrupted.stderr);
    const printed = /go on with:\s+(etl .*)/.exec(interrupted.stderr)?.[1];
    assert.ok(printed !== undefined, interrupted.stderr);
    // Early in one round and late in another; what an interrupt leaves to do takes more statements than these.
    const share = Math.floor((whole.statements * 0.85) / rounds);
    const killAt = round * share + random.int(Math.floor(share / 2), share);
    const killed = await run(printed, broken, killAt);
    assert.equal(killed.signal, 'SIGKILL', `not killed at ${killAt}: ${killed.stderr}`);
    assert.deepEqual(await onyxInvariants(broken), [], `killed at ${killAt}`);
    there.add((await query(broken, 'select count(*)::int as n from chat_session'))[0]?.['n']);
    const last = await run(printed, broken);
    assert.equal(last.code, 0, `killed at ${killAt}: ${last.stderr}`);
    assert.deepEqual(await onyxInvariants(broken), [], `killed at ${killAt}`);
    assert.deepEqual(await onyxContent(broken), expected, `killed at ${killAt}`);
    if (round === 0) assert.match((await run(printed, broken)).stderr, /nothing to do/);
  }
  assert.ok(there.size > 1, `the kills came at different places: ${[...there].join(', ')}`);
});
