import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { checkPipeline, loadPipeline } from '../../src/config/load-pipeline.ts';
import { EtlError } from '../../src/errors.ts';
import { tinyComponents } from './tiny-components.ts';

const environment = { HOME_PATH: '/h', SIZE: '12', QUOTED: '"12"', TRICK: '1, mode: replace', EMPTY: '' };

async function fileOf(t: TestContext, text: string | Buffer, name = 'my-import.yaml'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'config-'));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
}

async function problemsOf(t: TestContext, text: string | Buffer): Promise<string[]> {
  const { problems } = await checkPipeline(await fileOf(t, text), { components: tinyComponents, environment });
  return problems.map(({ code, message, where, hint }) => `${where.line}:${where.column} ${code} ${message} | ${hint}`);
}

const bad: readonly { readonly name: string; readonly text: string; readonly problems: readonly RegExp[] }[] = [
  { name: 'an empty file', text: '', problems: [/ETL_CONFIG_SYNTAX the file is empty/] },
  { name: 'a file of comments', text: '# nothing\n', problems: [/the file is empty/] },
  {
    name: 'a list',
    text: '- 1\n- 2\n',
    problems: [/^1:1 ETL_CONFIG_INVALID expected a map for the pipeline, received a list/],
  },
  { name: 'broken YAML', text: 'source: [\n', problems: [/^2:1 ETL_CONFIG_SYNTAX Flow sequence/] },
  { name: 'two documents', text: 'a: 1\n---\nb: 2\n', problems: [/^2:1 ETL_CONFIG_SYNTAX a second YAML document/] },
  { name: 'a key twice', text: 'name: a\nname: b\n', problems: [/^2:1 ETL_CONFIG_SYNTAX Map keys must be unique/] },
  { name: 'a tag', text: 'name: !js/function "x"\n', problems: [/^1:7 ETL_CONFIG_SYNTAX Unresolved tag/] },
  {
    name: 'an alias to nothing',
    text: 'name: *there\n',
    problems: [/^1:7 ETL_CONFIG_SYNTAX there is no anchor "&there"/],
  },
  {
    name: 'missing parts',
    text: 'name: x\n',
    problems: [
      /^1:1 ETL_CONFIG_INVALID missing option "source" for the pipeline \| "source": Where the records come from\./,
      /missing option "sink"/,
    ],
  },
  {
    name: 'parts of the wrong kind',
    text: 'source:\ntransforms: 5\nsink: drop\n',
    problems: [
      /expected a map for "source", received nothing/,
      /^2:13 .*expected a list of maps for "transforms", received 5/,
      /^3:7 .*received "drop" \(string\)/,
    ],
  },
  {
    name: 'misspelt options, at every depth',
    text: 'source: { type: numbers, path: a, batchSiz: 3, nested: { iner: x, inner: y } }\nonRejct: stop\nsink: { type: drop }\n',
    problems: [
      /^1:35 ETL_CONFIG_INVALID unknown option "batchSiz" for source "numbers" \| try "batchSize"/,
      /^1:58 .*unknown option "iner" for "nested" of source "numbers" \| try "inner"/,
      /^2:1 .*unknown option "onRejct" for the pipeline \| try "onReject"/,
    ],
  },
  {
    name: 'an option nobody can guess',
    text: 'source: { type: numbers, path: a }\nsink: { type: drop, zebra: 1 }\n',
    problems: [/^2:21 .*unknown option "zebra" for sink "drop" \| there are: limit, key, type/],
  },
  {
    name: 'values of the wrong type',
    text: 'source:\n  type: numbers\n  path: [1]\n  batchSize: ten\n  mode: apend\ntransforms:\n  - type: double\n    times: 12\nsink: { type: drop, key: 1234 }\n',
    problems: [
      /^3:10 .*expected a string for "path\[0\]", received 1 \(number\) \| put it in quotes/,
      /^4:14 .*expected an integer above 0 for "batchSize", received "ten" \(string\)/,
      /^5:9 .*expected "append" or "replace" for "mode", received "apend" \(string\) \| try "append"/,
      /^8:12 .*expected a number from 0 up to 9 for "times", received 12/,
      /^9:26 .*expected a string for "key", received a number/,
    ],
  },
  {
    name: 'text that is too short, secret or not',
    text: 'name: ""\nsource: { type: numbers, path: a }\nsink: { type: drop, key: ab }\n',
    problems: [
      /^1:7 .*expected at least 1 character for "name", received "" \(string\)/,
      /^3:26 .*expected at least 3 characters for "key", received a string/,
    ],
  },
  {
    name: 'an alternative that fits none',
    text: 'source: { type: numbers, path: 5 }\nsink: { type: drop }\nonReject: { to: a, max: -1 }\n',
    problems: [
      /^1:32 .*expected a string or a list of strings for "path", received 5/,
      /^3:25 .*expected an integer from 0 for "onReject.max", received -1/,
    ],
  },
  {
    name: 'unknown stages',
    text: 'source: { type: number }\ntransforms:\n  - type: drop\n  - type: dubble\nsink: { type: zzzzzz }\n',
    problems: [
      /^1:17 ETL_COMPONENT_UNKNOWN unknown source "number" \| try "numbers"/,
      /^3:11 .*unknown transform "drop" \| "drop" is a sink/,
      /^4:11 .*unknown transform "dubble" \| try "double"/,
      /^5:15 .*unknown sink "zzzzzz" \| See `etl list`/,
    ],
  },
  {
    name: 'a stage without type',
    text: 'source: { path: a }\nsink: { type: drop }\n',
    problems: [/^1:9 .*missing option "source.type" for the pipeline/],
  },
  {
    name: 'variables that are not set',
    text: 'source: { type: numbers, path: "${HOME_PAHT}/x ${NOPE}" }\nsink: { type: drop }\ndescription: |\n  one\n  ${GONE}\nname: a ${b c} $${fine}\n',
    problems: [
      /^1:33 ETL_CONFIG_VARIABLE the variable HOME_PAHT is not set \| set it, or did you mean HOME_PATH\?/,
      /^1:48 .*the variable NOPE is not set \| Set it, put it in `.env`/,
      /^5:3 .*the variable GONE is not set/,
      /^6:9 .*this is not a variable \| write \$\{NAME\}/,
    ],
  },
  {
    name: 'a variable that tries to be YAML',
    text: 'source: { type: numbers, path: a, batchSize: "${TRICK}" }\nsink: { type: drop, limit: "${SIZE}" }\n',
    problems: [
      /^1:46 .*"batchSize", received "1, mode: replace"/,
      /^2:28 .*expected a number for "limit", received "12"/,
    ],
  },
  {
    name: 'neighbours that do not fit',
    text: 'source: { type: numbers, path: a }\ntransforms:\n  - type: double\nsink: { type: keep-chats }\n',
    problems: [
      /^4:15 ETL_CONFIG_WIRING sink "keep-chats" takes records of kind "conversation", but "double" gives "number" \| put the transform "to-chats" before it/,
    ],
  },
  {
    name: 'a transform after the wrong source',
    text: 'source: { type: chats }\ntransforms: [{ type: double }]\nsink: { type: drop }\n',
    problems: [
      /^2:22 ETL_CONFIG_WIRING .*"double" takes records of kind "number", but "chats" gives "conversation" \| sources that give "number": "numbers"/,
    ],
  },
  {
    name: 'an expression that does not compile',
    text: 'source: { type: numbers, path: a }\ntransforms:\n  - type: to-chats\n    where: ((\nsink: { type: drop }\n',
    problems: [/^3:5 ETL_EXPRESSION_INVALID expected an expression at character 3/],
  },
  {
    name: 'what YAML 1.1 would have taken for booleans and octals',
    text: 'source: { type: numbers, path: no, batchSize: 0o17 }\nsink: { type: drop, limit: yes }\n',
    problems: [/expected a number for "limit", received "yes" \(string\)/],
  },
];

test('each mistake in a pipeline file is named with its place and what to do', async (t) => {
  for (const { name, text, problems } of bad) {
    await t.test(name, async (inner) => {
      const found = await problemsOf(inner, text);
      assert.equal(found.length, problems.length, found.join('\n'));
      for (const [index, pattern] of problems.entries()) assert.match(found[index] ?? '', pattern);
    });
  }
});

test('an alias bomb is refused, quickly', async (t) => {
  const levels = 'bcdefghi'
    .split('')
    .map((name, level) => `${name}: &${name} [${`*${'abcdefghi'[level]},`.repeat(9)}]`);
  const found = await problemsOf(t, `a: &a [x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}\n`);
  assert.equal(found.length, 1);
  assert.match(found[0] ?? '', /^9:32 ETL_CONFIG_SYNTAX the aliases up to this one unfold to too much/);
});

test('a few aliases are fine', async (t) => {
  const file = await fileOf(t, 'source: { type: numbers, path: &p a }\nsink: { type: drop }\nname: *p\n');
  const { plan } = await loadPipeline(file, { components: tinyComponents, environment });
  assert.equal(plan.name, 'a');
});

test('a file that is too deep, too large or not text is refused with one clear problem', async (t) => {
  const deep = await problemsOf(t, `source: ${'['.repeat(100_000)}`);
  assert.ok(deep.length >= 1 && deep.length <= 5);
  assert.match(deep[0] ?? '', /the file is nested too deeply/);
  assert.match(
    (await problemsOf(t, 'x'.repeat(10 * 1024 * 1024))).join('\n'),
    /ETL_CONFIG_SYNTAX the file has 10485760 bytes/,
  );
  const broken = Buffer.concat([Buffer.from('name: \u{FFFD}\nn: é'), Buffer.from([0xff, 0xfe])]);
  assert.match((await problemsOf(t, broken)).join('\n'), /^2:5 ETL_CONFIG_SYNTAX the file is not UTF-8/);
});

test('a missing file and a directory are told apart', async (t) => {
  const file = await fileOf(t, '');
  const missing = await checkPipeline(`${file}x`, { components: tinyComponents, environment });
  assert.match(
    missing.problems[0]?.describe() ?? '',
    /ETL_CONFIG_NOT_FOUND: there is no such file\n {2}at .*my-import\.yamlx/,
  );
  const directory = await checkPipeline(join(file, '..'), { components: tinyComponents, environment });
  assert.match(directory.problems[0]?.message ?? '', /this is a directory/);
});

test('a good file gives the plan, named after the file, with the variables filled in', async (t) => {
  const text = [
    'source: { type: numbers, path: "${HOME_PATH}/${MORE:-all}${EMPTY:-!}.jsonl", uri: "mongodb://me:top-secret@host/db" }',
    'transforms:',
    '  - type: double',
    '  - type: double',
    'sink:',
    '  type: drop',
    '  limit: ${SIZE}',
    '  key: "${QUOTED}"',
    'onReject: { to: ./r.jsonl, max: 3 }',
    'tests: [{ name: t, input: ["${NOT_A_VARIABLE}"], expect: [] }]',
  ];
  const loaded = await loadPipeline(await fileOf(t, text.join('\n')), { components: tinyComponents, environment });
  assert.equal(loaded.plan.name, 'my-import');
  assert.deepEqual(loaded.plan.onReject, { to: './r.jsonl', max: 3 });
  assert.deepEqual(
    loaded.stages.map(({ name }) => name),
    ['numbers', 'double', 'double-2', 'drop'],
  );
  assert.deepEqual(loaded.stages[0]?.options, { path: '/h/all!.jsonl', uri: 'mongodb://me:top-secret@host/db' });
  assert.deepEqual(loaded.stages[3]?.options, { limit: 12, key: '"12"' });
  assert.deepEqual(loaded.tests[0]?.input, ['${NOT_A_VARIABLE}']);
  assert.deepEqual(loaded.secrets, ['mongodb://me:top-secret@host/db', '"12"']);
});

test('loadPipeline throws the first problem, with all of them behind it', async (t) => {
  const file = await fileOf(t, 'source: { type: number }\nsink: { type: dropp }\n');
  await assert.rejects(loadPipeline(file, { components: tinyComponents, environment }), (error: unknown) => {
    assert.ok(error instanceof EtlError);
    assert.equal(error.code, 'ETL_COMPONENT_UNKNOWN');
    assert.equal(error.where.line, 1);
    assert.ok(error.cause instanceof AggregateError);
    assert.equal(error.cause.errors.length, 2);
    return true;
  });
});
