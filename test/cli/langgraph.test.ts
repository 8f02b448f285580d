import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import type { ThreadDifference, ThreadValidation } from '../../src/jobs/langgraph-validate.ts';
import {
  checkpointId,
  startStub,
  stubThread,
  stubThreads,
  type LanggraphStub,
  type StubRequest,
  type StubThread,
} from '../helpers/langgraph/stub.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';
import { etl, folderWith } from './helpers.ts';

async function stubFor(t: TestContext, options: Parameters<typeof startStub>[0] = {}): Promise<LanggraphStub> {
  const stub = await startStub(options);
  t.after(() => stub.close());
  return stub;
}

async function manifestOf(path: string): Promise<{ counts: Record<string, number>; source: string }> {
  return JSON.parse(await readFile(join(path, 'MANIFEST.json'), 'utf8')) as {
    counts: Record<string, number>;
    source: string;
  };
}

const isHistoryOf = (number: number) => (request: StubRequest) =>
  request.path === `/threads/${stubThread(number).row.thread_id}/history`;

test('etl langgraph export writes a bundle, which validate finds equal to its server', async (t) => {
  const stub = await stubFor(t, { threads: stubThreads(12) });
  const path = join(await folderWith(t), 'threads');
  const env = { LANGGRAPH_SOURCE_URL: stub.url, LANGSMITH_API_KEY: 'lsv2_sk_very_secret' };
  const exported = await etl(['langgraph', 'export', '--path', path, '--compress', '--no-progress'], { env });
  assert.equal(exported.code, 0, exported.stderr);
  assert.match(exported.stderr, /the threads are in /);
  assert.deepEqual(await manifestOf(path), {
    ...(await manifestOf(path)),
    source: stub.url,
    counts: { threads: 12, records: 12, checkpoints: 36 },
  });
  assert.equal(stub.requests[0]?.headers['x-api-key'], 'lsv2_sk_very_secret');
  for (const exact of [[], ['--exact']]) {
    const argv = ['langgraph', 'validate', '--backup-file', path, '--target-url', stub.url, ...exact];
    const validated = await etl(argv);
    assert.equal(validated.code, 0, validated.stderr + validated.stdout);
    assert.match(validated.stderr, /ok: equal in .*12 threads with 36 checkpoints/);
  }
});

test('a second time there is nothing to do; --replace writes anew, as often as it is given', async (t) => {
  const stub = await stubFor(t, { threads: stubThreads(3) });
  const path = join(await folderWith(t), 'threads');
  const argv = ['langgraph', 'export', '--source-url', stub.url, '--path', path, '--no-progress'];
  await etl(argv);
  const same = await etl(argv);
  assert.equal(same.code, 0, same.stderr);
  assert.match(same.stderr, /nothing to do/);
  assert.equal(stub.requests.filter(({ path: asked }) => asked.endsWith('/history')).length, 3);
  stub.threads.push(stubThread(7));
  const other = await etl([...argv, '--history-limit', '1']);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /ETL_RUN_CHANGED/);
  for (const [threads, ...more] of [[4], [5], [6, '--history-limit', '1']] as const) {
    const replaced = await etl([...argv, '--replace', ...more]);
    assert.equal(replaced.code, 0, replaced.stderr);
    assert.equal((await manifestOf(path)).counts['threads'], threads);
    stub.threads.push(stubThread(7 + threads));
  }
});

test('an export whose file was removed since is made again', async (t) => {
  const stub = await stubFor(t, { threads: stubThreads(2) });
  const folder = await folderWith(t);
  for (const [place, file] of [
    [['--path', join(folder, 'b')], join(folder, 'b', 'MANIFEST.json')],
    [['--export-json', join(folder, 'b.json')], join(folder, 'b.json')],
  ] as const) {
    const argv = ['langgraph', 'export', '--source-url', stub.url, ...place];
    for (const _ of ['at first', 'again']) {
      const { code, stderr } = await etl(argv);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /2 read = 2 written/);
      assert.ok((await readFile(file)).length > 0);
      await rm(place[1], { recursive: true });
    }
  }
});

test('an export with --replace that was broken off goes on, and does not begin anew', async (t) => {
  let isBroken = false;
  const last = isHistoryOf(39);
  const fault = (request: StubRequest) =>
    isBroken && last(request) ? { status: 401, text: '{"detail":"expired"}' } : undefined;
  const stub = await stubFor(t, { threads: stubThreads(40), fault });
  const path = join(await folderWith(t), 'threads');
  const argv = ['langgraph', 'export', '--source-url', stub.url, '--path', path, '--replace', '--no-progress'];
  const histories = async (): Promise<number> => {
    const before = stub.requests.length;
    await etl([...argv, '--concurrency', '1']);
    return stub.requests.slice(before).filter(({ path: asked }) => asked.endsWith('/history')).length;
  };
  assert.equal(await histories(), 40);
  isBroken = true;
  assert.equal(await histories(), 40);
  isBroken = false;
  const left = await histories();
  assert.ok(left < 40, `${left} threads were read`);
  assert.equal((await manifestOf(path)).counts['threads'], 40);
  assert.equal(await histories(), 40);
});

test('one thread, no thread, and some threads can be exported', async (t) => {
  const threads = stubThreads(9).map((thread, index) => ({
    ...thread,
    row: { ...thread.row, metadata: { owner: index < 2 ? 'ana' : 'ben' } },
  }));
  const stub = await stubFor(t, { threads });
  const folder = await folderWith(t);
  const run = async (name: string, ...more: readonly string[]): Promise<number> => {
    const argv = [
      'langgraph',
      'export',
      '--source-url',
      stub.url,
      '--export-json',
      join(folder, name),
      '--no-progress',
    ];
    const { code, stderr } = await etl([...argv, ...more]);
    assert.equal(code, 0, stderr);
    return (JSON.parse(await readFile(join(folder, name), 'utf8')) as { threads: unknown[] }).threads.length;
  };
  assert.equal(await run('all.json'), 9);
  assert.equal(await run('one.json', '--test-single'), 1);
  assert.equal(await run('ana.json', '--metadata-filter', '{"owner":"ana"}'), 2);
  assert.equal(await run('named.json', '--thread', stubThread(3).row.thread_id, stubThread(5).row.thread_id), 2);
  const dry = await etl(['langgraph', 'export', '--source-url', stub.url, '--path', join(folder, 'dry'), '--dry-run']);
  assert.equal(dry.code, 0);
  await assert.rejects(readFile(join(folder, 'dry', 'MANIFEST.json')));
});

test('a thread that cannot be read is in the reject file, and the command ends with 3', async (t) => {
  const fault = (request: StubRequest) =>
    isHistoryOf(2)(request) ? { status: 404, text: '{"detail":"Graph \\"old\\" not found"}' } : undefined;
  const stub = await stubFor(t, { threads: stubThreads(5), fault });
  const path = join(await folderWith(t), 'threads');
  const { code, stderr } = await etl([
    'langgraph',
    'export',
    '--source-url',
    stub.url,
    '--path',
    path,
    '--no-progress',
  ]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /404/);
  assert.match(await readFile(`${path}.etl/rejects.jsonl`, 'utf8'), /Graph .*old.* not found/);
});

test('a wrong key is told with what to do, and is not printed', async (t) => {
  const stub = await stubFor(t, { fault: () => ({ status: 403, text: '{"detail":"Forbidden"}' }) });
  const argv = [
    'langgraph',
    'export',
    '--source-url',
    stub.url,
    '--api-key',
    'lsv2_pt_wrong_key',
    '--path',
    '/nowhere',
  ];
  const { code, stderr, stdout } = await etl(argv);
  assert.equal(code, 1);
  assert.match(stderr, /ETL_AUTH_FAILED: .*403: .*Forbidden/);
  assert.match(stderr, /service key/);
  assert.ok(!(stderr + stdout).includes('lsv2_pt_wrong_key'));
});

test('validate names every planted difference, and ends with 4', async (t) => {
  const source = await stubFor(t, { threads: stubThreads(6) });
  const changed = stubThreads(6).flatMap((thread, index) => {
    if (index === 0) return [];
    if (index === 1) return [{ ...thread, history: thread.history.slice(0, 2) }];
    if (index === 2) {
      const history = thread.history.map((entry, place) =>
        place === 1 ? { ...entry, values: { messages: [] } } : entry,
      );
      return [{ ...thread, history }];
    }
    if (index === 3) return [{ ...thread, row: { ...thread.row, metadata: { number: 3, graph_id: 'other' } } }];
    return [thread];
  });
  const isUnreadable = isHistoryOf(5);
  const target = await stubFor(t, {
    threads: [...changed, stubThread(9)],
    fault: (request) => (isUnreadable(request) ? { status: 400, text: 'broken thread' } : undefined),
  });
  const report = join(await folderWith(t), 'differences.jsonl');
  const argv = ['langgraph', 'validate', '--source-url', source.url, '--target-url', target.url, '--report', report];
  const { code, stdout, stderr } = await etl(argv);
  assert.equal(code, 4, stderr);
  const id = (number: number): string => stubThread(number).row.thread_id;
  assert.match(stdout, new RegExp(`missing: thread ${id(0)}`));
  assert.match(stdout, new RegExp(`history: thread ${id(1)}: 3 checkpoints in the source, 2 in the target`));
  assert.match(stdout, /missing: checkpoint 1f000000-0000-6000-8000-000000000002, step 1/);
  assert.match(stdout, new RegExp(`history: thread ${id(2)}: .*values 2/3`));
  assert.match(stdout, new RegExp(`metadata: thread ${id(3)}: graph_id: "desk" here, "other" there`));
  assert.match(stdout, /values: checkpoint .*, step 0: messages\[0\]: .* here, nothing there/);
  assert.match(stdout, new RegExp(`unreadable: thread ${id(5)}: .*broken thread`));
  assert.match(stdout, new RegExp(`extra: thread ${id(9)}`));
  assert.match(stderr, /6 differences/);
  const lines = (await readFile(report, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ThreadDifference);
  assert.deepEqual(lines.map(({ kind }) => kind).sort(), [
    'extra',
    'history',
    'history',
    'metadata',
    'missing',
    'unreadable',
  ]);

  const json = await etl([...argv, '--json', '--max', '1']);
  const found = JSON.parse(json.stdout) as ThreadValidation;
  assert.equal(found.ok, false);
  assert.equal(found.differences.total, 6);
  assert.equal(found.differences.first.length, 1);
});

test('validate says once what it is warned of, however often a side is read', async (t) => {
  const folder = await folderWith(t);
  const source = await stubFor(t, { threads: stubThreads(1) });
  const backup = join(folder, 'threads_backup.json');
  assert.equal((await etl(['langgraph', 'export', '--source-url', source.url, '--export-json', backup])).code, 0);
  const text = await readFile(backup, 'utf8');
  // One message is another one, and the count of checkpoints is not that of the file.
  const planted = text
    .replace('"total_checkpoints":3', '"total_checkpoints":4')
    .replaceAll(/"content": ?"/g, '$&other ');
  assert.notEqual(planted, text);
  await writeFile(backup, planted);
  const { code, stderr } = await etl(['langgraph', 'validate', '--source-url', source.url, '--target-file', backup]);
  assert.equal(code, 4, stderr);
  assert.equal(stderr.match(/says that it has 4 checkpoints/g)?.length, 1, stderr);
  assert.match(stderr, /1 difference \(1 history\): 1 thread with 3 checkpoints in /);
});

test('validate takes a replayed history for equal, unless it is to be exact', async (t) => {
  const source = await stubFor(t, { threads: stubThreads(2) });
  const rename = (id: string): string => id.replace('1f000000', '1f111111');
  const replayed = stubThreads(2).map((thread) => ({
    ...thread,
    history: thread.history.map((entry) => ({
      ...entry,
      created_at: '2026-09-09T00:00:00.000Z',
      checkpoint: { ...entry.checkpoint, checkpoint_id: rename(entry.checkpoint.checkpoint_id) },
      parent_checkpoint: entry.parent_checkpoint
        ? { checkpoint_id: rename(entry.parent_checkpoint.checkpoint_id) }
        : null,
    })),
  }));
  const target = await stubFor(t, { threads: replayed, runtime: 'python' });
  const argv = ['langgraph', 'validate', '--source-url', source.url, '--target-url', target.url];
  assert.equal((await etl(argv)).code, 0);
  const exact = await etl([...argv, '--exact']);
  assert.equal(exact.code, 4);
  assert.match(exact.stdout, /ids 0\/3/);
});

/** What may differ between two bundles, beside what every comparison sees; `--exact` names it. */
const planted: readonly {
  readonly name: string;
  readonly change: (thread: StubThread) => StubThread;
  readonly says: RegExp;
}[] = [
  {
    name: 'the result of a task',
    change: withTask({ result: { messages: 'HELLO' } }),
    says: /tasks 2\/3\n {2}tasks: checkpoint .*, step -1: \[0\]\.result: null here, \{"messages":"HELLO"\} there/,
  },
  { name: 'the error of a task', change: withTask({ error: 'gone' }), says: /\[0\]\.error: null here, "gone" there/ },
  {
    name: 'the id of a task',
    change: withTask({ id: 'task-9' }),
    says: /task ids 2\/3\n {2}task ids: .*tasks\[0\]\.id: "task-0" here, "task-9" there/,
  },
  {
    name: 'the status',
    change: withRow({ status: 'interrupted' }),
    says: /^row: thread .*: status: "idle" here, "interrupted" there$/m,
  },
  {
    name: 'the questions of the row',
    change: withRow({ interrupts: { a: [] } }),
    says: /^row: .*: interrupts: nothing here/m,
  },
  {
    name: 'the config',
    change: withRow({ config: { tags: ['x'] } }),
    says: /^row: .*: config: nothing here, \{"tags"/m,
  },
];

function withRow(fields: object): (thread: StubThread) => StubThread {
  return ({ row, history }) => ({ row: { ...row, ...fields }, history });
}

function withTask(fields: object): (thread: StubThread) => StubThread {
  return ({ row, history }) => {
    const [first, ...rest] = history;
    assert.ok(first !== undefined);
    return { row, history: [{ ...first, tasks: first.tasks.map((task) => ({ ...task, ...fields })) }, ...rest] };
  };
}

test('an exact comparison names what differs in tasks and rows, too', async (t) => {
  const path = await folderWith(t);
  const bundleOf = async (name: string, threads: readonly StubThread[]): Promise<string> => {
    const stub = await stubFor(t, { threads: [...threads] });
    const bundle = join(path, name);
    const argv = ['langgraph', 'export', '--source-url', stub.url, '--path', bundle, '--no-progress'];
    const { code, stderr } = await etl(argv);
    assert.equal(code, 0, stderr);
    return bundle;
  };
  const one = await bundleOf('one', [stubThread(1)]);
  const validate = (other: string, ...more: readonly string[]) =>
    etl(['langgraph', 'validate', '--backup-file', one, '--target-file', other, ...more]);
  for (const { name, change, says } of planted) {
    await t.test(name, async () => {
      const other = await bundleOf(name, [change(stubThread(1))]);
      assert.equal((await validate(other)).code, 0);
      const { code, stdout, stderr } = await validate(other, '--exact');
      assert.equal(code, 4, stdout + stderr);
      assert.match(stdout, says);
    });
  }
  await t.test('the row of a thread that was made anew is not compared, and that is said', async () => {
    const anew = await bundleOf('anew', [
      withRow({ created_at: '2026-09-09T00:00:00Z', status: 'busy' })(stubThread(1)),
    ]);
    const { code, stderr } = await validate(anew, '--exact');
    assert.equal(code, 0);
    assert.match(stderr, /ok: equal in everything but the rows of 1 thread that was made anew/);
  });
});

test('an exact comparison across runtimes does not ask for the ids of tasks, which each computes', async (t) => {
  const withIds = (uuid: string): StubThread => {
    const { row, history } = stubThread(1);
    const changed = history.map((entry) => ({
      ...entry,
      tasks: entry.tasks.map((task) => ({ ...task, id: uuid })),
      metadata: { ...entry.metadata, langgraph_checkpoint_ns: `reply:${uuid}`, parents: { [`a:${uuid}`]: 'x' } },
    }));
    return { row, history: changed };
  };
  const source = await stubFor(t, { threads: [withIds('11111111-1111-4111-8111-111111111111')] });
  for (const [runtime, code] of [
    ['python', 0],
    ['js', 4],
  ] as const) {
    const target = await stubFor(t, { threads: [withIds('22222222-2222-4222-8222-222222222222')], runtime });
    const argv = ['langgraph', 'validate', '--source-url', source.url, '--target-url', target.url, '--exact'];
    const found = await etl(argv);
    assert.equal(found.code, code, found.stdout);
    if (code === 4) assert.match(found.stdout, /task ids 0\/3/);
  }
});

test('results that JavaScript does not show are named, and are no difference', async (t) => {
  const answered = { interrupts: [{ id: 'i', value: 'ok?' }] };
  const shown = withTask({ ...answered, result: { messages: 'hello' } })(stubThread(1));
  const hidden = withTask({ ...answered, result: null })(stubThread(1));
  const stub = (runtime: 'js' | 'python', thread: StubThread) => stubFor(t, { threads: [thread], runtime });
  const path = join(await folderWith(t), 'report.jsonl');
  const compare = async (here: LanggraphStub, there: LanggraphStub) =>
    await etl([
      'langgraph',
      'validate',
      '--source-url',
      here.url,
      '--target-url',
      there.url,
      '--exact',
      '--report',
      path,
    ]);
  const [python, js] = [await stub('python', shown), await stub('js', hidden)];
  for (const [here, there] of [
    [python, js],
    [js, python],
  ] as const) {
    const { code, stdout, stderr } = await compare(here, there);
    assert.equal(code, 0, stdout);
    assert.match(
      stdout,
      /^hidden: thread 0{8}-.*: 1 result of a task that asked a question or failed, which a server in J/,
    );
    assert.match(stderr, /ok: equal in everything but 1 result of tasks that JavaScript hides/);
    const { kind, results } = JSON.parse(await readFile(path, 'utf8')) as { kind: string; results: number };
    assert.deepEqual([kind, results], ['hidden', 1]);
  }
  // Servers in Python show it: there it is missing.
  const lost = await compare(python, await stub('python', hidden));
  assert.equal(lost.code, 4);
  assert.match(lost.stdout, /\[0\]\.result: \{"messages":"hello"\} here, null there/);
  // What differs beside it is named, and nothing else.
  const failed = await compare(python, await stub('js', withTask({ ...answered, name: 'rest' })(stubThread(1))));
  assert.equal(failed.code, 4);
  assert.match(failed.stdout, /tasks 2\/3/);
  assert.match(failed.stdout, / tasks: .*: \[0\]\.name: "work" here, "rest" there$/m);
});

test('validate sees the last digit of an integer that JavaScript would round', async (t) => {
  const folder = await folderWith(t);
  const sides = await Promise.all(
    ['1152921504606846977', '1152921504606846976'].map(async (digits, side) => {
      const { row, history } = stubThread(1);
      const thread = JSON.stringify({ thread_id: row.thread_id, thread: row, history }).replace(
        '"content":"',
        `"n":${digits},$&`,
      );
      const line = `{"schema":"threadmill/langgraph-thread@1","origin":{"runtime":"python"},${thread.slice(1)}\n`;
      const file = join(folder, `${side}.jsonl`);
      await writeFile(file, line);
      return file;
    }),
  );
  const [one = '', two = ''] = sides;
  const same = await etl(['langgraph', 'validate', '--backup-file', one, '--target-file', one]);
  assert.equal(same.code, 0, same.stderr);
  const { code, stdout } = await etl(['langgraph', 'validate', '--backup-file', one, '--target-file', two]);
  assert.equal(code, 4);
  assert.match(stdout, /\.n: 1152921504606846977 here, 1152921504606846976 there/);
});

test('flags that choose threads choose those of a file as well', async (t) => {
  const threads = stubThreads(6).map((each, number) => ({
    ...each,
    row: {
      ...each.row,
      status: number === 0 ? 'interrupted' : 'idle',
      updated_at: `2026-02-0${number + 1}T00:00:00.000Z`,
      metadata: { ...each.row.metadata, team: { names: [`t${number % 2}`, 'all'] } },
    },
  }));
  const stub = await stubFor(t, { threads });
  const folder = await folderWith(t);
  const file = join(folder, 'all');
  const from = { env: { LANGGRAPH_SOURCE_URL: stub.url } };
  assert.equal((await etl(['langgraph', 'export', '--path', file], from)).code, 0);
  const cases: readonly (readonly [flags: readonly string[], numbers: readonly number[]])[] = [
    [
      ['--metadata-filter', '{"team": {"names": ["t1"]}}'],
      [1, 3, 5],
    ],
    [['--metadata-filter', '{"team": {"names": ["t1", "t0"]}}'], []],
    [
      ['--metadata-filter', '{"team": {}}', '--since', '2026-02-05'],
      [4, 5],
    ],
    [['--status', 'interrupted'], [0]],
    [['--thread', (threads[2]?.row.thread_id ?? '').toUpperCase(), 'other'], [2]],
    [['--no-subgraphs'], [0, 1, 2, 3, 4, 5]],
  ];
  for (const [place, [flags, numbers]] of cases.entries()) {
    const path = join(folder, String(place));
    const exported = await etl(['langgraph', 'export', '--backup-file', file, '--path', path, ...flags]);
    assert.equal(exported.code, 0, exported.stderr);
    const lines = (await readFile(join(path, 'threads.jsonl'), 'utf8')).split('\n').filter((line) => line !== '');
    const found = lines.map((line) => (JSON.parse(line) as { readonly thread_id: string }).thread_id);
    assert.deepEqual(
      found,
      numbers.map((number) => threads[number]?.row.thread_id),
    );
    const both = ['langgraph', 'validate', '--backup-file', file, '--target-file', path, ...flags];
    const validated = await etl(both);
    assert.equal(validated.code, 0, validated.stdout);
    assert.match(validated.stderr, new RegExp(`\\(${numbers.length} threads? with`));
  }
  const refused = await etl(['langgraph', 'export', '--backup-file', file, '--path', file, '--history-limit', '2']);
  assert.deepEqual([refused.code, /--history-limit is for servers/.test(refused.stderr)], [2, true]);
});

test('without subgraphs, numbers of a file stay as they were written', async (t) => {
  const { row, history } = stubThread(0);
  const sub = { thread_id: row.thread_id, checkpoint_id: checkpointId(9), checkpoint_ns: 'inner:1' };
  const entries = [...history, ...history.slice(0, 1).map((entry) => ({ ...entry, checkpoint: sub }))];
  const record = { schema: 'threadmill/langgraph-thread@1', thread_id: row.thread_id, thread: row, history: entries };
  const text = JSON.stringify({ ...record, origin: { runtime: 'python' } })
    .replace('"number":0', '"number":3.0')
    .replace('"values":{', '"values":{"big":12345678901234567890,');
  const folder = await folderWith(t, { 'all.jsonl': `${text}\n` });
  const path = join(folder, 'own');
  const argv = ['langgraph', 'export', '--backup-file', join(folder, 'all.jsonl'), '--path', path, '--no-subgraphs'];
  const { code, stderr } = await etl(argv);
  assert.equal(code, 0, stderr);
  const written = await readFile(join(path, 'threads.jsonl'), 'utf8');
  assert.match(written, /"number":3\.0.*"big":12345678901234567890,/);
  const [whole, own] = [text, written].map((line) => (JSON.parse(line) as { history: unknown[] }).history.length);
  assert.deepEqual([whole, own], [4, 3]);
});

test('the command is told what it lacks', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['export'], /no source is named.*--source-url/s],
    [['export', '--source-url', 'http://x', '--metadata-filter', 'owner'], /object in JSON/],
    [['export', '--source-url', 'http://x', '--status', 'lazy'], /idle, busy/],
    [['export', '--source-url', 'http://x', '--since', 'nonsense'], /must be a date, such as 2026-01-31/],
    [['validate', '--source-url', 'http://x', '--target-url', 'http://y', '--since', 'soon'], /must be a date/],
    [['export', '--source-url', 'http://x', '--concurrency', '1000'], /concurrency.*256/s],
    [['export', '--source-url', 'http://x', '--export-json', 'a', '--path', 'b'], /do not go together/],
    [['export', '--source-url', 'http://x', '--export-postgres', '--path', 'b'], /--backup-file … --export-postgres/],
    [['export', '--source-url', 'http://x', '--source-header', 'none'], /name and a value/],
    [['export', '--source-url', 'http://x', '--export-postgres'], /no database is named/],
    [['validate', '--source-url', 'http://x'], /no target is named/],
  ];
  for (const [argv, message] of cases) {
    const { code, stderr } = await etl(['langgraph', ...argv]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

test('threads go to PostgreSQL, and again without doubling', async (t) => {
  const database = await (await postgresForTests()).database();
  const stub = await stubFor(t, { threads: stubThreads(7, { checkpoints: 4 }) });
  const folder = await folderWith(t, { '.env': `DATABASE_URL=${database}\n` });
  const argv = ['langgraph', 'export', '--source-url', stub.url, '--export-postgres', '--no-progress'];
  for (const more of [[], ['--new-run']]) {
    const { code, stderr } = await etl([...argv, ...more, '--rejects', join(folder, 'r.jsonl')], { cwd: folder });
    assert.equal(code, 0, stderr);
  }
  const threads = await query(database, 'select * from langgraph_threads order by created_at');
  assert.equal(threads.length, 7);
  assert.equal((threads[0]?.['values'] as { messages: unknown[] }).messages.length, 4);
  assert.equal(threads[0]?.['source_url'], stub.url);
  const [counts] = await query(
    database,
    'select count(*)::int as all, count(parent_checkpoint_id)::int as children, max(step) as step from langgraph_checkpoints',
  );
  assert.deepEqual(counts, { all: 28, children: 21, step: 2 });
});

test('numbers are in the tables as they were written', async (t) => {
  const database = await (await postgresForTests()).database();
  const folder = await folderWith(t);
  const { row, history } = stubThread(1);
  const thread = JSON.stringify({ thread_id: row.thread_id, thread: row, history });
  const exact = thread.replaceAll('"content":"', '"n":[1152921504606846977,3.0],$&');
  const line = `{"schema":"threadmill/langgraph-thread@1","origin":{"runtime":"python"},${exact.slice(1)}\n`;
  const file = join(folder, 'threads.jsonl');
  await writeFile(file, line);
  const argv = ['langgraph', 'export', '--backup-file', file, '--export-postgres', '--database-url', database];
  const { code, stderr } = await etl([...argv, '--rejects', join(folder, 'r.jsonl')], { cwd: folder });
  assert.equal(code, 0, stderr);
  for (const table of ['langgraph_threads', 'langgraph_checkpoints']) {
    const [found] = await query(database, `select max(values::text) as text from ${table}`);
    assert.match(String(found?.['text']), /"n": \[1152921504606846977, 3\.0\]/, table);
  }
});

test('tables that another tool made are left alone', async (t) => {
  const database = await (await postgresForTests()).database();
  await query(
    database,
    'create table langgraph_threads (id serial primary key, thread_id text, checkpoint_data jsonb)',
  );
  const stub = await stubFor(t, { threads: stubThreads(1) });
  const folder = await folderWith(t, { '.env': `DATABASE_URL=${database}\n` });
  const argv = ['langgraph', 'export', '--source-url', stub.url, '--export-postgres', '--no-progress'];
  const { code, stderr } = await etl(argv, { cwd: folder });
  assert.equal(code, 1);
  assert.match(stderr, /ETL_SINK_EXISTS: the table langgraph_threads was made by another tool: its key is id/);
});

test('a backup of the existing tool becomes a bundle', async (t) => {
  const folder = await folderWith(t);
  const old = join(folder, 'threads_backup.json');
  const { row, history } = stubThread(1);
  await writeFile(old, JSON.stringify({ threads: [{ ...row, values: {}, history: [...history].reverse() }] }));
  const path = join(folder, 'bundle');
  const { code, stderr } = await etl(['langgraph', 'export', '--backup-file', old, '--path', path, '--no-progress']);
  assert.equal(code, 0, stderr);
  assert.deepEqual((await manifestOf(path)).counts, { threads: 1, records: 1, checkpoints: 3 });
});
