import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { startStub, stubThread, stubThreads, type LanggraphStub } from '../helpers/langgraph/stub.ts';
import { startWritingStub, type WritingStub } from '../helpers/langgraph/writing-stub.ts';
import { folderWith, type Outcome } from './helpers.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

/** Both ends, and a folder to run the command in: progress and rejects are kept there. */
interface Scene {
  readonly source: LanggraphStub;
  readonly target: WritingStub;
  readonly cwd: string;
  readonly etl: (...argv: string[]) => Promise<Outcome>;
}

async function scene(
  t: TestContext,
  { threads = 5, fault }: { readonly threads?: number; readonly fault?: Parameters<typeof startWritingStub>[0] } = {},
): Promise<Scene> {
  const source = await startStub({ threads: stubThreads(threads) });
  const target = await startWritingStub(fault ?? {});
  t.after(async () => {
    await source.close();
    await target.close();
  });
  const cwd = await folderWith(t);
  const env = {
    PATH: process.env['PATH'],
    LANGGRAPH_SOURCE_URL: source.url,
    LANGGRAPH_TARGET_URL: target.url,
    LANGSMITH_SOURCE_API_KEY: 'source-key',
    LANGSMITH_TARGET_API_KEY: 'target-key',
  };
  const etl = async (...argv: string[]): Promise<Outcome> => {
    const child = promisify(execFile)(process.execPath, ['--import', tsx, main, ...argv, '--no-progress'], {
      cwd,
      env,
    });
    try {
      return { code: 0, ...(await child) };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  };
  return { source, target, cwd, etl };
}

test('etl langgraph migrate moves every thread, with a key for each end, and says what became of them', async (t) => {
  const { source, target, etl } = await scene(t);
  const { code, stderr } = await etl('langgraph', 'migrate');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /created +5 {2}by history\n +skipped +0\n +failed +0\n +checkpoints +15/);
  assert.equal(target.threads.size, 5);
  assert.equal(source.requests.at(-1)?.headers['x-api-key'], 'source-key');
  assert.equal(target.requests.at(-1)?.headers['x-api-key'], 'target-key');
  const again = await etl('langgraph', 'migrate', '--new-run');
  assert.match(again.stderr, /created +0\n +skipped +5 {2}the target has them/);
  assert.match(again.stderr, /already there: 5 same/);
  for (const { history } of target.threads.values()) assert.equal(history.length, 3);
});

test('--dry-run writes nothing; --test-single one thread', async (t) => {
  const { target, etl } = await scene(t);
  const dry = await etl('langgraph', 'migrate', '--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stderr, /nothing was written/);
  assert.equal(target.threads.size, 0);
  assert.equal((await etl('langgraph', 'migrate', '--test-single')).code, 0);
  assert.equal(target.threads.size, 1);
});

test('--dry-run looks at the target: how it would be written to, what is there, what cannot be', async (t) => {
  const { source, target, etl } = await scene(t);
  assert.equal((await etl('langgraph', 'migrate', '--limit', '2')).code, 0);
  const other = stubThread(9, { metadata: { graph_id: 'other' } });
  source.threads.push(other);
  const before = target.requests.length;
  const { code, stderr } = await etl('langgraph', 'migrate', '--dry-run', '--new-run');
  assert.equal(code, 3, stderr);
  assert.match(stderr, /target http.*JavaScript.*threads are written by history/);
  assert.match(stderr, /already there: 2 same/);
  assert.match(stderr, /the graph "other" is not deployed on the target/);
  assert.match(stderr, /to write +3\n +to skip +2 .*\n +cannot be +1/);
  const writes = target.requests.slice(before).filter(({ method, path }) => method === 'POST' && path === '/threads');
  assert.deepEqual([writes, target.threads.size], [[], 2]);
  await target.close();
  const gone = await etl('langgraph', 'migrate', '--dry-run');
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /ETL_CONNECT_FAILED/);
});

test('--backup-file leaves a complete bundle, from which import restores the threads elsewhere', async (t) => {
  const { target, cwd, etl } = await scene(t);
  const { code, stderr } = await etl('langgraph', 'migrate', '--backup-file', 'backup', '--full');
  assert.equal(code, 0, stderr);
  assert.ok((await stat(join(cwd, 'backup/MANIFEST.json'))).isFile());
  assert.equal(target.threads.size, 5);
  const other = await startWritingStub();
  t.after(() => other.close());
  const report = 'fidelity.jsonl';
  const argv = ['langgraph', 'import', '--import-json', 'backup', '--target-url', other.url, '--mode', 'state'];
  const imported = await etl(...argv, '--fidelity-report', report);
  assert.equal(imported.code, 0, imported.stderr);
  assert.match(imported.stderr, /created +5 {2}by state/);
  for (const { history } of other.threads.values()) assert.equal(history.length, 1);
  const lines = (await readFile(join(cwd, report), 'utf8')).trimEnd().split('\n');
  assert.equal(lines.length, 5);
});

test('--backup-file with a name in .json makes a threads_backup.json; a second one needs --replace-backup', async (t) => {
  const { source, target, cwd, etl } = await scene(t, { threads: 2 });
  const migrate = (...more: string[]) =>
    etl('langgraph', 'migrate', '--mode', 'state', '--backup-file', 'b.json', ...more);
  assert.equal((await migrate()).code, 0);
  const threadsOf = async () =>
    (JSON.parse(await readFile(join(cwd, 'b.json'), 'utf8')) as { threads: unknown[] }).threads.length;
  assert.equal(await threadsOf(), 2);
  source.threads.push(stubThread(7));
  const refused = await migrate('--new-run');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ETL_SINK_EXISTS.*--replace-backup/s);
  assert.equal((await migrate('--replace-backup')).code, 0);
  assert.deepEqual([await threadsOf(), target.threads.size], [3, 3]);
  source.threads.push(stubThread(8));
  assert.match((await migrate('--replace-backup')).stderr, /created +1 .*\n +skipped +3 /);
  assert.deepEqual([await threadsOf(), target.threads.size], [4, 4]);
});

test('a backup of another tool without histories restores the last states, and says so', async (t) => {
  const { target, cwd, etl } = await scene(t);
  const messages = (id: string) => [{ type: 'human', id, content: 'hi' }];
  const threads = [null, [], undefined].map((history, number) => ({
    thread_id: stubThread(number).row.thread_id,
    metadata: { graph_id: 'desk', owner: 'ana' },
    values: { messages: messages(`m${number}`) },
    history,
    created_at: '2026-01-01T00:00:00+00:00',
    updated_at: '2026-01-01T00:00:00+00:00',
  }));
  await writeFile(join(cwd, 'old.json'), JSON.stringify({ threads, total_threads: 3 }));
  const { code, stderr } = await etl('langgraph', 'import', '--import-json', 'old.json');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /created +3 {2}by history\n.*\n.*\n +checkpoints +3/);
  assert.match(stderr, /without history: 3 threads of which the backup has the last state only/);
  for (const { thread_id: id, values } of threads) {
    const there = target.threads.get(id);
    assert.equal(there?.metadata['owner'], 'ana');
    assert.deepEqual(
      there?.history.map((checkpoint) => checkpoint.values),
      [values],
    );
  }
});

test('a thread that is refused goes to the reject file, and the command ends with 3', async (t) => {
  const { row } = stubThread(2);
  const fault = ({ path, body }: { readonly path: string; readonly body: Readonly<Record<string, unknown>> }) =>
    path === '/threads' && body['thread_id'] === row.thread_id
      ? { status: 422, text: '{"detail":"bad message"}' }
      : undefined;
  const { target, cwd, etl } = await scene(t, { fault: { fault } });
  const { code, stderr } = await etl('langgraph', 'migrate');
  assert.equal(code, 3, stderr);
  assert.match(stderr, /failed +1/);
  assert.equal(target.threads.size, 4);
  const [, file = ''] = /rejected → (\.etl\/langgraph-migrate-\S+\.rejects\.jsonl)/.exec(stderr) ?? [];
  const rejects = await readFile(join(cwd, file), 'utf8');
  assert.match(rejects, /422: .*bad message/);
  // Another run has a file of its own, and leaves this one alone.
  const other = await startWritingStub({ fault });
  t.after(() => other.close());
  const elsewhere = await etl('langgraph', 'migrate', '--target-url', other.url);
  assert.equal(elsewhere.code, 3, elsewhere.stderr);
  assert.doesNotMatch(elsewhere.stderr, new RegExp(`rejected → ${file}`));
  assert.equal(await readFile(join(cwd, file), 'utf8'), rejects);
});

test('--test-single and --limit are of whole threads, also of large ones that come in parts', async (t) => {
  const { source, target, cwd, etl } = await scene(t, { threads: 0 });
  const large = stubThread(0, { checkpoints: 12, textLength: 100_000 });
  source.threads.push(large, ...stubThreads(3).slice(1));
  assert.equal((await etl('langgraph', 'export', '--path', 'all')).code, 0);
  assert.ok((await readFile(join(cwd, 'all/threads.jsonl'), 'utf8')).trimEnd().split('\n').length > 3);
  const dry = await etl('langgraph', 'migrate', '--dry-run');
  assert.match(dry.stderr, /to write +3\n/);
  for (const argv of [['migrate'], ['import', '--backup-file', 'all']]) {
    const { code, stderr } = await etl(
      'langgraph',
      ...argv,
      '--test-single',
      '--mode',
      'history',
      '--if-exists',
      'replace',
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /created +1 /);
    assert.deepEqual([...target.threads.keys()], [large.row.thread_id]);
    assert.equal(target.threads.get(large.row.thread_id)?.history.length, 12);
    target.threads.get(large.row.thread_id)?.history.pop();
  }
  const sample = await etl('langgraph', 'export', '--path', 'sample', '--limit', '2');
  assert.equal(sample.code, 0, sample.stderr);
  const found = JSON.parse(await readFile(join(cwd, 'sample/MANIFEST.json'), 'utf8')) as { readonly counts: object };
  assert.deepEqual(found.counts, { threads: 2, records: 3, checkpoints: 15 });
});

test('--if-exists replace can be tried on one thread', async (t) => {
  const { target, etl } = await scene(t);
  const replace = (...more: string[]) => etl('langgraph', 'migrate', '--if-exists', 'replace', ...more);
  assert.equal((await replace()).code, 0);
  for (const { history } of target.threads.values()) history.pop();
  const { code, stderr } = await replace('--test-single', '--new-run');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /created +1 .*\n +skipped +0\n/);
  const lengths = [...target.threads.values()].map(({ history }) => history.length).toSorted();
  assert.deepEqual(lengths, [2, 2, 2, 2, 3]);
  // The rest, and the one that is as it should be.
  const rest = await replace('--new-run');
  assert.match(rest.stderr, /created +4 .*\n +skipped +1 /);
});

test('what is missing or cannot be is said before anything is written', async (t) => {
  const { target, etl } = await scene(t);
  const cases = [
    { argv: ['import'], code: 2, says: /no threads are named/ },
    { argv: ['migrate', '--mode', 'best'], code: 2, says: /must be one of auto, state, history, full, postgres/ },
    { argv: ['migrate', '--mode', 'postgres'], code: 2, says: /--database-url postgresql/ },
    { argv: ['migrate', '--mode', 'full'], code: 78, says: /no graph "threadmill_companion" is deployed/ },
    { argv: ['migrate', '--target-url', 'localhost'], code: 78, says: /begin with http/ },
  ];
  for (const { argv, code, says } of cases) {
    const found = await etl('langgraph', ...argv);
    assert.match(found.stderr, says, argv.join(' '));
    assert.equal(found.code, code, found.stderr);
  }
  assert.equal(target.threads.size, 0);
});

test('values that are not the same on the target are told, and end with 4', async (t) => {
  const odd = { messages: [{ id: 'odd', type: 'human', content: 'was never said' }] };
  const { etl } = await scene(t, { fault: { defaults: odd } });
  const { code, stderr } = await etl('langgraph', 'migrate');
  assert.equal(code, 4, stderr);
  assert.match(stderr, /created +5 .*\n.*\n.*\n.*\n +different +\d+ {2}values that are not the same on the target/);
});
