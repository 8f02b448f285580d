import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { onyxRuns, undoOnyx } from '../../../src/jobs/onyx-undo.ts';
import { verifyOnyx } from '../../../src/jobs/onyx-verify.ts';
import { pipeline } from '../../../src/pipeline.ts';
import { bundleSink } from '../../../src/sinks/bundle.ts';
import { onyxSink } from '../../../src/sinks/onyx.ts';
import { bundleSource } from '../../../src/sources/bundle.ts';
import { librechatSource } from '../../../src/sources/librechat.ts';
import { generateLibrechat } from '../../helpers/librechat-data/generate-librechat.ts';
import { writeDump } from '../../helpers/librechat-data/write-dump.ts';
import { onyxContent, onyxDatabase, onyxInvariants } from '../../helpers/onyx/database.ts';
import { query } from '../../helpers/postgres.ts';

const seed = Number(process.env['THREADMILL_TEST_SEED'] ?? 20_250_101);

test(`a bundle made of data with every kind of damage is imported, kept, verified and taken back (seed ${seed})`, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-onyx-'));
  t.after(() => rm(directory, { recursive: true }));
  const { records } = generateLibrechat({
    seed,
    conversations: 150,
    users: 8,
    damage: true,
    textScale: 0.3,
    maxTurns: 12,
  });
  await writeDump(records, { directory });
  const bundle = join(directory, 'bundle');
  const rejects = join(directory, 'rejects.jsonl');
  const exported = await pipeline(
    librechatSource({ from: join(directory, 'dump', 'LibreChat'), records: 'documents' }),
    {
      onReject: { to: rejects },
    },
  )
    .to(bundleSink({ path: bundle, copyFiles: false }))
    .run();
  assert.ok(exported.counts.written > 140);

  const url = await onyxDatabase([]);
  const load = (name: string) =>
    pipeline(bundleSource({ path: bundle }), { name })
      .to(onyxSink({ connectionString: url, users: 'create', connections: 2, batchRecords: 20 }))
      .run();
  const { counts, findings } = await load('first');
  assert.equal(counts.written + counts.skipped, counts.read);
  assert.ok(counts.written > 100);
  assert.ok(
    Object.keys(findings ?? {}).some((kind) => kind.startsWith('left behind: ')),
    'what was left behind is counted',
  );
  assert.deepEqual(await onyxInvariants(url), []);

  const before = await onyxContent(url);
  const again = await load('second');
  assert.deepEqual([again.counts.written, again.counts.skipped], [0, counts.read]);
  assert.deepEqual(await onyxContent(url), before);

  const verify = () => verifyOnyx(bundleSource({ path: bundle }), { connectionString: url });
  const clean = await verify();
  assert.deepEqual(clean.differences.first, []);
  assert.deepEqual([clean.checked.chats, clean.leftOut], [counts.written, counts.skipped]);

  const tampered = await query(
    url,
    `update chat_message set message = message || '!' where id in (select id from chat_message where message_type = 'USER' order by md5(id::text) limit 5) returning id`,
  );
  const found = await verify();
  assert.deepEqual(
    found.differences.first.map(({ messageId, fields }) => [messageId, fields.join()]).sort(),
    tampered.map(({ id }) => [id, 'text']).sort(),
  );
  const [run] = await onyxRuns(url);
  await undoOnyx({ connectionString: url, run: run?.run ?? '', apply: true });
  for (const table of ['chat_session', 'chat_message', 'tool_call', 'search_doc', 'chat_feedback', 'user_project'])
    assert.deepEqual(await query(url, `select count(*)::int as n from ${table}`), [{ n: 0 }], table);
});
