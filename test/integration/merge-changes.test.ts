// A bundle of changes, merged into what the bundle before it was brought to.
import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { pipeline } from '../../src/pipeline.ts';
import type { RunReport } from '../../src/report.ts';
import { bundleSink } from '../../src/sinks/bundle.ts';
import { onyxSink } from '../../src/sinks/onyx.ts';
import { postgresSink } from '../../src/sinks/postgres.ts';
import { bundleSource } from '../../src/sources/bundle.ts';
import { librechatSource } from '../../src/sources/librechat.ts';
import { testIn } from '../../src/testing/scratch.ts';
import { onyxDatabase } from '../helpers/onyx/database.ts';
import { postgresForTests, query } from '../helpers/postgres.ts';

const sample = fileURLToPath(new URL('../../samples/librechat/dump/LibreChat', import.meta.url));

/** A bundle of a dump, or of what has changed in it since an earlier bundle. */
async function exported(from: string, path: string, since?: string): Promise<string> {
  await pipeline(librechatSource({ from, records: 'documents' }))
    .to(bundleSink({ path, ...(since === undefined ? {} : { since }) }))
    .run();
  return path;
}

/** The dump with another text in one message, whose conversation says nothing of it. */
async function edited(to: string): Promise<string> {
  await cp(sample, to, { recursive: true });
  const messages = await readFile(join(to, 'messages.bson'));
  const at = messages.indexOf('text\0') + 9;
  messages[at] = messages[at] === 0x41 ? 0x42 : 0x41;
  await writeFile(join(to, 'messages.bson'), messages);
  return to;
}

async function intoTable(url: string, bundle: string, table: string): Promise<RunReport> {
  return pipeline(bundleSource({ path: bundle }), { name: `${bundle} into ${table}` })
    .to(
      postgresSink({
        connectionString: url,
        table,
        mode: 'upsert',
        columns: { owner: 'owner.id', id: 'id' },
        document: 'doc',
      }),
    )
    .run();
}

testIn('a table that takes a bundle and then its changes holds what is there now', async (directory) => {
  const before = await exported(sample, join(directory, 'before'));
  const now = await edited(join(directory, 'dump'));
  const changes = await exported(now, join(directory, 'changes'), before);
  const after = await exported(now, join(directory, 'after'));
  const url = await (await postgresForTests()).database();
  for (const table of ['merged', 'fresh'])
    await query(url, `create table ${table} (owner text, id text, doc jsonb, primary key (owner, id))`);
  const first = await intoTable(url, before, 'merged');
  const second = await intoTable(url, changes, 'merged');
  assert.deepEqual([second.counts.read, second.counts.written], [1, 1]);
  const { counts } = await intoTable(url, after, 'fresh');
  assert.equal(counts.written, first.counts.written);
  const differing = await query(
    url,
    // Where a bundle lies is told in the places of files.
    `select coalesce(m.id, f.id) as id from merged m full join fresh f using (owner, id)
      where m.doc - 'files' is distinct from f.doc - 'files'`,
  );
  assert.deepEqual(differing, []);
});

testIn('Onyx takes what is new of changes, and leaves a chat alone that it has already', async (directory) => {
  const few = ['user000@example.org'];
  const now = await edited(join(directory, 'dump'));
  const before = await exported(sample, join(directory, 'before'));
  const changes = await exported(now, join(directory, 'changes'), before);
  const url = await onyxDatabase(few);
  const imported = async (path: string): Promise<RunReport> =>
    pipeline(bundleSource({ path }), { name: path })
      .to(onyxSink({ connectionString: url, users: 'create', files: 'off' }))
      .run();
  const first = await imported(before);
  assert.ok(first.counts.written > 40);
  const chats = await query(url, 'select * from chat_session order by id');
  const second = await imported(changes);
  assert.deepEqual([second.counts.written, second.counts.skipped], [0, 1]);
  assert.equal(second.findings['skipped: imported before and changed since in the source'], 1);
  assert.deepEqual(await query(url, 'select * from chat_session order by id'), chats);
});
