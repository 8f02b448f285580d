import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { etl, folderWith } from './helpers.ts';

// The map fails on records without a name; every third record has none, and one line is not JSON.
const pipeline = `name: shout
source: { type: jsonl, path: DIR/in.jsonl }
transforms:
  - { type: map, to: '$merge([$, { "loud": $uppercase(name) }])' }
  - { type: map, to: '$type(loud) = "string" ? $ : $error("no name")' }
sink: { type: jsonl, path: DIR/out.jsonl }
onReject: { to: DIR/rejects.jsonl }
`;

function input(count: number): string {
  const lines = Array.from({ length: count }, (_, id) =>
    JSON.stringify(id % 3 === 0 ? { id } : { id, name: `n${id}` }),
  );
  return `${lines.join('\n')}\n{"broken\n`;
}

const idsIn = async (file: string): Promise<number[]> =>
  (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { id: number }).id);

test('ls counts by reason, show prints records, of a pipeline or of a file', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': pipeline, 'in.jsonl': input(9) });
  const file = join(directory, 'p.yaml');
  assert.equal((await etl(['rejects', 'ls', file])).stdout, 'no rejected records\n');
  assert.equal((await etl(['run', file])).code, 3);
  const { stdout } = await etl(['rejects', 'ls', file]);
  assert.match(
    stdout,
    /^3 {2}map-2 .*no name .*\n {3}See https:.*\n1 {2}jsonl +ETL_RECORD_INVALID .*\n4 records in all\n$/,
  );
  const counts = JSON.parse((await etl(['rejects', 'ls', join(directory, 'rejects.jsonl'), '--json'])).stdout) as {
    stage: string;
    count: number;
  }[];
  assert.deepEqual(
    counts.map(({ stage, count }) => [stage, count]),
    [
      ['map-2', 3],
      ['jsonl', 1],
    ],
  );
  const shown = await etl(['rejects', 'show', file, '-n', '2', '--stage', 'map-2']);
  assert.deepEqual(
    shown.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { record: { id: number } }).record.id),
    [0, 3],
  );
  assert.equal((await etl(['rejects', 'show', file, '--code', 'NONE'])).stdout, '');
  for (const command of ['ls', 'show']) {
    const missing = await etl(['rejects', command, join(directory, 'reject.jsonl')]);
    assert.deepEqual([missing.code, missing.stdout], [1, '']);
    assert.match(missing.stderr, /ETL_SOURCE_NOT_FOUND: there is no such reject file\n {2}at .*reject\.jsonl\n/);
  }
});

test('a file that is no reject file is refused with its line', async (t) => {
  const directory = await folderWith(t, {
    'a.jsonl': '{"stage":"s","code":"c","reason":"r","at":"x"}\n{"a":1}\n',
    'b.jsonl': 'x\n',
  });
  const unlike = await etl(['rejects', 'ls', join(directory, 'a.jsonl')]);
  assert.equal(unlike.code, 1);
  assert.match(unlike.stderr, /ETL_SOURCE_INVALID: not a rejected record.*\n {2}at .*a\.jsonl:2/);
  assert.match((await etl(['rejects', 'show', join(directory, 'b.jsonl')])).stderr, /not JSON.*\n {2}at .*b\.jsonl:1/);
});

test('retry writes what now gets through, once, and leaves the rest in the file', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': pipeline, 'in.jsonl': input(3000) });
  const file = join(directory, 'p.yaml');
  await etl(['run', file]);
  // The cause is mended for all but one record.
  const mended = (await readFile(file, 'utf8')).replace('$type(loud) = "string"', 'id != 600');
  await writeFile(file, mended);
  const { code, stderr, stdout } = await etl(['rejects', 'retry', file, '--json']);
  assert.equal(code, 3, stderr);
  assert.deepEqual(JSON.parse(stdout), { status: 'finished', retried: 1000, written: 999, left: 2, leftBySource: 1 });
  assert.match(stderr, /1 of them was rejected by the source/);
  const ids = await idsIn(join(directory, 'out.jsonl'));
  assert.equal(ids.length, 2999);
  assert.equal(new Set(ids).size, 2999);
  assert.match((await etl(['rejects', 'ls', file])).stdout, /1 {2}jsonl [^]*1 {2}map-2 [^]*2 records in all/);
  await assert.rejects(stat(join(directory, 'rejects.jsonl.retry')), { code: 'ENOENT' });
  await writeFile(file, mended.replace('id != 600', 'true'));
  const again = await etl(['rejects', 'retry', file]);
  assert.equal(again.code, 3);
  assert.match(again.stderr, /finished: 1 record tried again, 1 written, 1 left/);
  assert.equal((await idsIn(join(directory, 'out.jsonl'))).length, 3000);
});

test('records are not tried again before the run is finished', async (t) => {
  const directory = await folderWith(t, { 'p.yaml': pipeline, 'in.jsonl': input(9) });
  const { code, stderr } = await etl(['rejects', 'retry', join(directory, 'p.yaml')]);
  assert.equal(code, 2);
  assert.match(stderr, /ETL_USAGE: the run that rejected these records is not finished\n {2}finish it first: etl run/);
});
