import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

import { postgresForTests } from '../helpers/postgres.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const tsx = import.meta.resolve('tsx');

interface Report {
  readonly status: string;
  readonly counts: { readonly written: number; readonly skipped: number };
}

test('the pipeline files into PostgreSQL and out of it give back what went in', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'etl-pipelines-'));
  t.after(() => rm(cwd, { recursive: true }));
  const url = await (await postgresForTests()).database();
  const input = join(root, 'examples/data/messages.jsonl');
  const env = { PATH: process.env['PATH'], DATABASE_URL: url, INPUT: input };
  const etl = (...argv: string[]) =>
    run(process.execPath, ['--import', tsx, join(root, 'src/cli/main.ts'), ...argv], { cwd, env });
  const load = async (name: string, ...more: string[]): Promise<Report> =>
    JSON.parse((await etl('run', join(root, 'pipelines', name), '--json', ...more)).stdout) as Report;

  const records = recordsIn(await readFile(input, 'utf8'));
  // A message comes twice in the file; its row is that of the last.
  const kept = [...new Map(records.map((record) => [record['id'], record])).values()];
  const loaded = await load('jsonl-to-postgres.yaml');
  assert.deepEqual([loaded.status, loaded.counts.written], ['finished', kept.length]);
  assert.equal((await load('jsonl-to-postgres.yaml')).status, 'unchanged');
  const again = await load('jsonl-to-postgres.yaml', '--new-run');
  assert.deepEqual([again.counts.written, again.counts.skipped], [0, records.length]);

  const checked = await etl('check', join(root, 'pipelines/postgres-to-jsonl.yaml'), '--connect');
  assert.match(checked.stderr, /key id/);
  assert.equal((await load('postgres-to-jsonl.yaml')).counts.written, kept.length);
  const out = recordsIn(gunzipSync(await readFile(join(cwd, 'out/table.jsonl.gz'))).toString('utf8'));
  // A field that a record lacks is null in its row.
  const noFields = Object.fromEntries(records.flatMap((record) => Object.keys(record)).map((field) => [field, null]));
  assert.deepEqual(
    out.map(comparable),
    kept
      .sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1))
      .map((record) => comparable({ ...noFields, ...record })),
  );
});

type Fields = Readonly<Record<string, unknown>>;

function recordsIn(lines: string): Fields[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Fields);
}

/** Times as instants: PostgreSQL writes them without trailing zeros. */
function comparable(record: Fields): unknown {
  return JSON.parse(JSON.stringify(record), (_, value: unknown) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value).toISOString() : value,
  );
}
