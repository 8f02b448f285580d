import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { commands } from '../../src/cli/commands.ts';
import { etl, folderWith, keepUsers, messages } from './helpers.ts';

const ansi = /\u001B\[/;

test('help shows every command, examples first, and nothing is an error', async () => {
  const { code, stdout, stderr } = await etl(['--help']);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  assert.match(stdout, /^Examples:\n {2}etl /);
  for (const { name, summary } of commands) assert.match(stdout, new RegExp(`${name} +${summary}`));
  for (const { name } of commands) {
    const help = await etl([name, '--help']);
    assert.equal(help.code, 0, name);
    assert.match(help.stdout, new RegExp(`^Examples:\n {2}etl ${name}[^]*\nUsage: etl ${name}`), name);
    assert.equal((await etl(['help', name])).stdout, help.stdout);
  }
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  assert.deepEqual(await etl(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('wrong calls end with 2, say what is wrong, and leave the standard output alone', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': keepUsers, 'in.jsonl': messages(2) });
  const file = join(directory, 'p.yaml');
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[], /Usage: etl COMMAND/],
    [['rum', file], /ETL_USAGE: unknown command 'rum'\n {2}Did you mean run\?/],
    [['help', 'rum'], /ETL_USAGE: unknown command 'rum'\n {2}Did you mean run\?/],
    [['help', 'nonsense'], /ETL_USAGE: unknown command 'nonsense'\n {2}there are: run, check/],
    [['run'], /ETL_USAGE: missing required argument 'file'/],
    [['run', file, 'x'], /ETL_USAGE: too many arguments/],
    [['run', file, '--limt', '3'], /ETL_USAGE: unknown option '--limt'\n {2}Did you mean --limit\?/],
    [['run', file, '--limit', '0'], /must be a whole number from 1/],
    [['run', file, '--limit', '1e3'], /must be a whole number/],
    [['run', file, '--json', '--events'], /--json and --events do not go together/],
    [['preview', file, '--stage', 'filtr'], /there is no stage "filtr" in this pipeline\n {2}try "filter"/],
    [['describe', 'filtr'], /there is no component "filtr"\n {2}try "filter"/],
    [['init', 'nonsense-of-a-name'], /there is no template/],
    [['test', file], /ETL_USAGE: no tests in .*p\.yaml/],
    [['rejects'], /Usage: etl rejects/],
    [['rejects', 'ls', file], /keeps no rejected records/],
  ];
  for (const [argv, pattern] of cases) {
    const { code, stdout, stderr } = await etl(argv);
    assert.equal(code, 2, argv.join(' '));
    assert.equal(stdout, '', argv.join(' '));
    assert.match(stderr, pattern, argv.join(' '));
    assert.doesNotMatch(stderr, /\n {4}at /, 'a stack is printed');
  }
});

test('an invalid file ends with 78 and lists every problem', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': 'source: { type: jsnl }\nsink: { type: stdout, x: 1 }\n' });
  const file = join(directory, 'p.yaml');
  for (const command of ['run', 'check', 'plan', 'preview', 'graph', 'status', 'test']) {
    const { code, stdout, stderr } = await etl([command, file]);
    assert.equal(code, 78, command);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /ETL_COMPONENT_UNKNOWN: unknown source "jsnl"\n {2}at .*p\.yaml:1:17\n {2}try "jsonl"\nETL_CONFIG_INVALID: unknown option "x"[^]*2 problems/,
    );
  }
});

test('check --json lists the problems by file', async (t) => {
  const directory = await folderWith(t, { 'good.yaml': keepUsers, 'bad.yaml': 'source: [' });
  const { code, stdout } = await etl(['check', join(directory, 'good.yaml'), join(directory, 'bad.yaml'), '--json']);
  assert.equal(code, 78);
  const [good, bad] = JSON.parse(stdout) as { ok: boolean; problems: { code: string; where: { line: number } }[] }[];
  assert.equal(good?.ok, true);
  assert.deepEqual([bad?.ok, bad?.problems[0]?.code, bad?.problems[0]?.where.line], [false, 'ETL_CONFIG_SYNTAX', 1]);
});

test('check --connect tries what the stages read and write', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': keepUsers,
    'm.yaml':
      'source: { type: mongodb, uri: "mongodb://me:open-sesame@127.0.0.1:1/db?serverSelectionTimeoutMS=50", collection: c }\nsink: { type: discard }\n',
  });
  const file = join(directory, 'p.yaml');
  assert.equal((await etl(['check', file])).code, 0);
  const missing = await etl(['check', file, '--connect']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /ETL_SOURCE_NOT_FOUND[^]*stage "jsonl"[^]*p\.yaml: 1 problem\n$/);
  await writeFile(join(directory, 'in.jsonl'), messages(3));
  const found = await etl(['check', file, '--connect', '--json']);
  assert.equal(found.code, 0);
  assert.match(found.stdout, /"ok":true.*"notes":\["jsonl: .*"jsonl-2: can be written; the progress is kept in /);
  await writeFile(join(directory, 'out.jsonl'), 'data');
  const full = await etl(['check', file, '--connect']);
  assert.equal(full.code, 1);
  assert.match(full.stderr, /ETL_SINK_EXISTS[^]*stage "jsonl-2"/);
  await writeFile(
    join(directory, 'below.yaml'),
    keepUsers.replace('DIR/out', 'DIR/in.jsonl/out').replaceAll('DIR', directory),
  );
  const below = await etl(['check', join(directory, 'below.yaml'), '--connect']);
  assert.equal(below.code, 1);
  assert.match(below.stderr, /ETL_SINK_FAILED/);
  const closed = await etl(['check', join(directory, 'm.yaml'), '--connect']);
  assert.equal(closed.code, 1);
  assert.match(closed.stderr, /ETL_CONNECT_FAILED/);
  assert.doesNotMatch(closed.stderr, /open-sesame/);
});

test('preview prints the records after a stage, as many as asked for, and writes nothing', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': keepUsers, 'in.jsonl': messages(5000) });
  const file = join(directory, 'p.yaml');
  const last = await etl(['preview', file, '-n', '3']);
  assert.equal(last.code, 0);
  assert.deepEqual(
    last.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: number }).id),
    [1, 3, 5],
  );
  const first = await etl(['preview', file, '--stage', 'jsonl', '-n', '1']);
  assert.deepEqual(JSON.parse(first.stdout), { id: 0, role: 'bot', text: '' });
  const all = await etl(['preview', file, '-n', '999999']);
  assert.equal(all.stdout.trimEnd().split('\n').length, 2500);
  await assert.rejects(stat(join(directory, 'out.jsonl')), { code: 'ENOENT' });
});

test('plan shows the options in force, what there is to read, and what a run would do', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': keepUsers, 'in.jsonl': messages(100) });
  const file = join(directory, 'p.yaml');
  const before = await etl(['plan', file]);
  assert.match(before.stdout, /source +jsonl +\{"path":".*in\.jsonl","batchSize":\d+/);
  assert.match(before.stdout, /to read +about 100 records, [\d.]+ kB/);
  assert.match(before.stdout, /etl run +starts at the beginning/);
  await assert.rejects(stat(join(directory, 'out.jsonl')), { code: 'ENOENT' });
  await etl(['run', file]);
  assert.match(
    (await etl(['plan', file])).stdout,
    /etl run +does nothing: finished before, 100 read and 50 written before/,
  );
  await writeFile(file, (await readFile(file, 'utf8')).replace('user', 'bot'));
  const { stdout } = await etl(['plan', file, '--json']);
  const plan = JSON.parse(stdout) as { next: string; estimate: { bytes: number }; stages: { stage: string }[] };
  assert.equal(plan.next, 'refuse');
  assert.deepEqual(
    plan.stages.map(({ stage }) => stage),
    ['jsonl', 'filter', 'jsonl-2'],
  );
});

test('status tells how far the run has come', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': keepUsers,
    'in.jsonl': messages(10),
    's.yaml': 'source: { type: jsonl, path: DIR/in.jsonl }\nsink: { type: discard }\n',
  });
  const file = join(directory, 'p.yaml');
  assert.match((await etl(['status', file])).stdout, /keep-users: not run yet/);
  await etl(['run', file]);
  assert.match(
    (await etl(['status', file])).stdout,
    /keep-users: finished\n {2}10 read, 5 written, 5 filtered, 0 rejected/,
  );
  const { stdout } = await etl(['status', file, '--json']);
  const status = JSON.parse(stdout) as { unchangedConfiguration: boolean; progress: { status: string } };
  assert.deepEqual([status.unchangedConfiguration, status.progress.status], [true, 'finished']);
  assert.match((await etl(['status', join(directory, 's.yaml')])).stdout, /its sink keeps no progress/);
});

test('graph draws the stages and where rejects go', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': `${keepUsers}onReject: { to: DIR/a"b.jsonl }\n` });
  const { stdout } = await etl(['graph', join(directory, 'p.yaml')]);
  assert.match(stdout, /^---\ntitle: "keep-users"\n---\nflowchart LR\n {2}s0\(\["jsonl"\]\)\n {2}s1\["filter"\]\n/);
  assert.match(stdout, /s0 -- any --> s1\n {2}s1 -- any --> s2\n/);
  assert.match(stdout, /a#34;b\.jsonl/);
});

test('list and describe know every component, for people and for machines', async () => {
  const listed = JSON.parse((await etl(['list', '--json'])).stdout) as { type: string; role: string }[];
  const { stdout } = await etl(['list']);
  for (const { type, role } of listed) {
    assert.match(stdout, new RegExp(`^ {2}${type} `, 'm'));
    const described = await etl(['describe', type]);
    assert.equal(described.code, 0);
    assert.match(described.stdout, new RegExp(`${role} ${type}\n`));
  }
  const [source, sink] = JSON.parse((await etl(['describe', 'jsonl', '--json'])).stdout) as {
    role: string;
    options: { properties: object };
  }[];
  assert.deepEqual([source?.role, sink?.role], ['source', 'sink']);
  assert.ok('path' in (source?.options.properties ?? {}));
});

test('colours are for terminals, unless the environment says otherwise', async () => {
  assert.doesNotMatch((await etl(['list'])).stdout, ansi);
  assert.match((await etl(['list'], { isTTY: true })).stdout, ansi);
  assert.doesNotMatch((await etl(['list'], { isTTY: true, env: { NO_COLOR: '1' } })).stdout, ansi);
  assert.doesNotMatch((await etl(['list'], { isTTY: true, env: { TERM: 'dumb' } })).stdout, ansi);
  assert.match((await etl(['list'], { env: { FORCE_COLOR: '1' } })).stdout, ansi);
  for (const argv of [
    ['list', '--no-color'],
    ['--no-color', 'list'],
  ]) {
    const plain = await etl(argv, { isTTY: true, env: { FORCE_COLOR: '1' } });
    assert.deepEqual([plain.code, ansi.test(plain.stdout)], [0, false]);
  }
  assert.doesNotMatch((await etl(['list'], { isTTY: true, env: { FORCE_COLOR: '0' } })).stdout, ansi);
});

test('init writes a template that checks, and never over a file', async (t) => {
  const directory = await folderWith(t);
  const listed = await etl(['init'], { cwd: directory });
  const names = [...listed.stdout.matchAll(/^ {2}(\S+) {2}/gm)].map(([, name]) => name ?? '');
  assert.ok(names.includes('copy-jsonl'), listed.stdout);
  const written = await etl(['init', 'copy-jsonl'], { cwd: directory });
  assert.equal(written.code, 0);
  const text = await readFile(join(directory, 'copy-jsonl.yaml'), 'utf8');
  assert.match(
    text,
    /^# yaml-language-server: \$schema=\.\/node_modules\/threadmill\/schema\/pipeline\.schema\.json\n/,
  );
  assert.match(written.stderr, /which takes these from the environment or from \.env:\n {2}INPUT +else \.\/examples\//);
  assert.equal((await etl(['check', join(directory, 'copy-jsonl.yaml')])).code, 0);
  const onyx = await etl(['init', 'onyx-import', 'new/folder/o.yaml'], { cwd: directory });
  assert.match(
    onyx.stderr,
    /^wrote new\/folder\/o\.yaml, which [^]*ONYX_API_KEY +must be set\n[^]*next: etl check new\//,
  );
  assert.match(await readFile(join(directory, 'new/folder/o.yaml'), 'utf8'), /type: onyx/);
  const again = await etl(['init', 'copy-jsonl'], { cwd: directory });
  assert.equal(again.code, 2);
  assert.match(
    again.stderr,
    /the file is there already\n {2}at copy-jsonl\.yaml\n {2}name another file: etl init copy-jsonl FILE\n/,
  );
  const absolute = join(directory, 'other', 'c.yaml');
  assert.equal((await etl(['init', 'copy-jsonl', absolute], { cwd: tmpdir() })).code, 0);
  assert.equal(await readFile(absolute, 'utf8'), text);
  assert.equal(await readFile(join(directory, 'copy-jsonl.yaml'), 'utf8'), text);
});

test('a command that is called wrongly names its own help', async () => {
  for (const [argv, help] of [
    [['run'], 'etl run --help'],
    [['run', 'x.yaml', '--limit', 'abc'], 'etl run --help'],
    [['rejects', 'ls'], 'etl rejects ls --help'],
    [['--nonsuch-at-all'], 'etl --help'],
    [['zzzzzzzz'], 'etl --help'],
  ] as const) {
    const { code, stderr } = await etl(argv);
    assert.equal(code, 2, stderr);
    assert.ok(stderr.endsWith(`\n  See \`${help}\`.\n`), stderr);
  }
});

test('what comes from outside cannot steer the terminal', async () => {
  const { stderr } = await etl(['run', 'no\u001B[2Jsuch\u0007file\u202E.yaml']);
  assert.doesNotMatch(stderr, /[\u001B\u0007\u202E]/);
  assert.match(stderr, /no␛\[2Jsuch␇file\\u202e\.yaml/);
});

test('secrets are hidden in all that is printed', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml':
      'source: { type: jsonl, path: "DIR/postgres://me:open-sesame@host/in.jsonl" }\ntransforms:\n  - type: redact\n    hmac: [text]\n    key: "${KEY}"\nsink: { type: discard }\n',
    '.env': 'KEY=hush-hush-hush-hush-hush-hush-hush\n',
  });
  for (const argv of [['plan'], ['plan', '--json'], ['check'], ['run'], ['run', '--json'], ['graph'], ['status']]) {
    const { stdout, stderr } = await etl([argv[0] ?? '', join(directory, 'p.yaml'), ...argv.slice(1)], {
      cwd: directory,
    });
    assert.doesNotMatch(stdout + stderr, /open-sesame|hush-hush/, argv.join(' '));
  }
});
