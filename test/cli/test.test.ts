import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { etl, folderWith, keepUsers } from './helpers.ts';

const tested = `# a pipeline with tests
${keepUsers}tests:
  # why
  - name: keeps users
    input: [{ role: user, id: 1 }, { role: bot }]
    expect: [{ role: user, id: 1 }]   # order of keys does not matter
  - name: nothing comes of nothing
    input: []
    expect: []
`;

test('tests that hold are listed, and nothing is read or written', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': tested });
  const { code, stdout, stderr } = await etl(['test', join(directory, 'p.yaml')]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^ok {2}.*p\.yaml: keeps users\nok .*nothing comes of nothing\n2 tests, 2 passed, 0 failed\n$/);
  await assert.rejects(stat(join(directory, 'out.jsonl')), { code: 'ENOENT' });
});

test('a test that fails ends with 5 and shows the difference', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': tested.replace('expect: [{ role: user, id: 1 }]', 'expect: [{ role: user, id: 2 }]'),
  });
  const { code, stderr, stdout } = await etl(['test', join(directory, 'p.yaml'), '--json']);
  assert.equal(code, 5);
  assert.match(stderr, /^failed {2}.*keeps users\n[^]*\+ +id: 1[^]*- +id: 2[^]*2 tests, 1 passed, 1 failed\n$/);
  const [failed, passed] = JSON.parse(stdout) as { name: string; difference?: string }[];
  assert.deepEqual([failed?.name, typeof failed?.difference, passed?.difference], ['keeps users', 'string', undefined]);
});

test('--update takes over what came out and keeps the rest of the file', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': tested.replace('expect: [{ role: user, id: 1 }]', 'expect: [old]'),
  });
  const file = join(directory, 'p.yaml');
  const before = await readFile(file, 'utf8');
  const { code, stderr } = await etl(['test', file, '--update']);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /updated .*keeps users[^]*2 tests, 1 passed, 0 failed, 1 updated/);
  assert.equal(await readFile(file, 'utf8'), before.replace('[old]', '[{"role":"user","id":1}]'));
  assert.equal((await etl(['test', file])).code, 0);
});

test('records may come from files, and be written there', async (t) => {
  const directory = await folderWith(t, {
    'p.yaml': `${keepUsers}tests:\n  - { name: from files, inputFile: DIR/a.jsonl, expectFile: DIR/b.jsonl }\n  - { name: an array, inputFile: DIR/c.json, expectFile: DIR/d.json }\n`,
    'a.jsonl': '{"role":"user"}\n{"role":"bot"}\n',
    'c.json': '[{"role":"user","n":1},{"role":"user","n":2}]',
  });
  const file = join(directory, 'p.yaml');
  const missing = await etl(['test', file]);
  assert.equal(missing.code, 5);
  assert.match(missing.stderr, /nothing is expected yet: --update/);
  assert.equal((await etl(['test', file, '--update'])).code, 0);
  assert.equal(await readFile(join(directory, 'b.jsonl'), 'utf8'), '{"role":"user"}\n');
  assert.equal(
    await readFile(join(directory, 'd.json'), 'utf8'),
    '[\n{"role":"user","n":1},\n{"role":"user","n":2}\n]\n',
  );
  assert.equal((await etl(['test', file])).code, 0);
});

test('what is wrong with a test is said, one by one', async (t) => {
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['{ name: a, input: [{}], stages: filtr, expect: [] }', 5, /there is no stage "filtr"[^]*try "filter"/],
    ['{ name: a, input: [{}], stages: jsonl, expect: [] }', 5, /"jsonl" to "jsonl" are not transforms/],
    ['{ name: a, inputFile: DIR/none.json, expect: [] }', 5, /cannot read the records\n +at .*none\.json/],
    ['{ name: a, input: [{}], expect: [], expectFile: x }', 78, /"tests\[0\]" takes either `expect` or `expectFile`/],
    ['{ name: a, expect: [] }', 78, /"tests\[0\]" needs either `input` or `inputFile`/],
    [
      '{ name: a, input: [{}], expct: [] }',
      78,
      /unknown option "expct" for "tests\[0\]" of the pipeline\n.*\n {2}try "expect"/,
    ],
    [
      '{ name: a, input: [{}], expect: [], rejects: [{ code: X }] }',
      5,
      /rejected records differ\n +expected:\n +any stage: X \n +actual:\n +none/,
    ],
  ];
  for (const [written, code, pattern] of cases) {
    const directory = await folderWith(t, { 'p.yaml': `${keepUsers}tests:\n  - ${written}\n` });
    const outcome = await etl(['test', join(directory, 'p.yaml')]);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.match(outcome.stderr, pattern);
  }
});

test('rejected records must be expected', async (t) => {
  const yaml = (rejects: string): string =>
    `source: { type: jsonl, path: x }\ntransforms:\n  - { type: dedupe, key: id }\nsink: { type: discard }\ntests:\n  - { name: a, input: [{ id: 1 }, {}, { id: 1 }], expect: [{ id: 1 }]${rejects} }\n`;
  const directory = await folderWith(t, {
    'un.yaml': yaml(''),
    'ex.yaml': yaml(', rejects: [{ stage: dedupe, code: ETL_RECORD_INVALID, reason: id }]'),
  });
  const unexpected = await etl(['test', join(directory, 'un.yaml')]);
  assert.equal(unexpected.code, 5);
  assert.match(unexpected.stderr, /expected:\n +none\n +actual:\n +dedupe: ETL_RECORD_INVALID/);
  assert.equal((await etl(['test', join(directory, 'ex.yaml')])).code, 0);
});
