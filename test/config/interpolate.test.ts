import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { environmentIn } from '../../src/config/environment.ts';
import { interpolate } from '../../src/config/interpolate.ts';

const environment = { A: 'one', EMPTY: '', NESTED: '${A}' };

const cases: readonly (readonly [string, string])[] = [
  ['', ''],
  ['plain $ text {}', 'plain $ text {}'],
  ['${A}', 'one'],
  ['<${A}${A}>', '<oneone>'],
  ['${A:-two}', 'one'],
  ['${B:-two}', 'two'],
  ['${B:-}', ''],
  ['${EMPTY}', ''],
  ['${EMPTY:-two}', 'two'],
  ['$${A}', '${A}'],
  ['$$${A}', '$${A}'],
  ['${NESTED}', '${A}'],
  ['${B:-a b/c:d}', 'a b/c:d'],
  ['$uppercase(name)', '$uppercase(name)'],
];

test('fills in variables, defaults and escapes', () => {
  for (const [text, expected] of cases)
    assert.deepEqual(interpolate(text, environment), { text: expected, problems: [] });
});

test('names what is not set and what is no variable, where it stands', () => {
  assert.deepEqual(interpolate('a ${B} ${ x} ${1} ${A', environment).problems, [
    { index: 2, name: 'B' },
    { index: 7, name: undefined },
    { index: 13, name: undefined },
    { index: 18, name: undefined },
  ]);
  assert.equal(interpolate('${toString}', environment).problems.length, 1);
});

test('text without ${ is never changed', () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes('${')),
      (text) => interpolate(text, environment).text === text,
    ),
  );
});

test('the .env file is read, and what the process has wins', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'env-'));
  t.after(() => rm(directory, { recursive: true }));
  assert.deepEqual(await environmentIn(directory, { A: '1' }), { A: '1' });
  await writeFile(join(directory, '.env'), '# secrets\nA=file\nB="two words"\nexport C=3 # note\n');
  assert.deepEqual(await environmentIn(directory, { A: '1' }), { A: '1', B: 'two words', C: '3' });
  await rm(join(directory, '.env'));
  await mkdir(join(directory, '.env'));
  await assert.rejects(environmentIn(directory, {}), { code: 'ETL_CONFIG_NOT_FOUND' });
});
