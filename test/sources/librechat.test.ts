import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { librechatToConversation } from '../../src/mappings/librechat-to-conversation.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { isTemporary } from '../../src/models/librechat.ts';
import { pipeline } from '../../src/pipeline.ts';
import { librechatSource, type LibrechatSourceOptions } from '../../src/sources/librechat.ts';
import { testSource } from '../../src/testing/index.ts';
import { joinRecords } from '../helpers/joined-librechat.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';
import type { Manifest } from '../helpers/librechat-data/manifest.ts';
import type { GeneratedRecord } from '../helpers/librechat-data/types.ts';
import { chainChat } from '../helpers/librechat-data/worst-cases.ts';
import { writeDump } from '../helpers/librechat-data/write-dump.ts';
import { writeExport } from '../helpers/librechat-data/write-export.ts';
import { storeSink, Store } from '../helpers/memory.ts';

const options = { seed: 23, conversations: 300, users: 8, damage: true, textScale: 0.5, maxTurns: 20, binaries: false };
const sample = fileURLToPath(new URL('../../samples/librechat/dump', import.meta.url));

type DumpOptions = Omit<LibrechatSourceOptions, 'records'>;

async function read(input: DumpOptions) {
  const records: Conversation[] = [];
  const report = await pipeline(librechatSource(input))
    .to(async (stream) => {
      for await (const record of stream) records.push(record);
    })
    .run();
  return { records, report };
}

describe('librechat', () => {
  let directory: string;
  let records: GeneratedRecord[];
  let manifest: Manifest;
  let expected: Conversation[];
  let dump: string;
  const everything = { includeTemporary: true };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'librechat-dump-'));
    const generated = generateLibrechat(options);
    records = [...generated.records];
    manifest = generated.manifest;
    dump = join(directory, 'dump');
    await writeDump(records, { directory });
    expected = joinRecords(records)
      .map((chat) => withProjectName(librechatToConversation(chat).conversation, records))
      .sort((a, b) => (a.owner.id + a.id < b.owner.id + b.id ? -1 : 1));
  });
  after(() => rm(directory, { recursive: true }));

  const inOrder = (conversations: readonly Conversation[]): Conversation[] =>
    [...conversations].sort((a, b) => (a.owner.id + a.id < b.owner.id + b.id ? -1 : 1));

  test('gives what a join of everything in memory gives', async () => {
    const { records: given, report } = await read({ from: dump, ...everything });
    assert.deepEqual(inOrder(given), expected);
    assert.equal(report.counts.written, expected.length);
  });

  test('gives the same when nearly nothing fits into memory', async () => {
    const { records: given } = await read({ from: join(dump, 'LibreChat'), memoryBytes: 20_000, ...everything });
    assert.deepEqual(inOrder(given), expected);
  });

  test('orders by owner, then by conversation', async () => {
    const { records: given } = await read({ from: dump, memoryBytes: 100_000, ...everything });
    const withId = given.filter(({ tree }) => !tree.repairs.some(({ kind }) => kind === 'conversation-id-absent'));
    const keys = withId.map(({ owner, id }) => `${owner.id} ${id}`);
    assert.deepEqual(keys, [...keys].sort());
  });

  for (const format of ['relaxed', 'canonical'] as const) {
    test(`reads ${format} mongoexport files with the same result`, async () => {
      const folder = join(directory, format);
      await writeExport(records, { directory: folder, format });
      const { records: given } = await read({ from: join(folder, 'export'), ...everything });
      // Text that looks like Extended JSON cannot be told from it in an export.
      const isOdd = ({ messages }: Conversation): boolean =>
        messages.some(({ source }) => source?.extra?.['metadata'] !== undefined);
      assert.deepEqual(
        inOrder(given).filter((one) => !isOdd(one)),
        expected.filter((one) => !isOdd(one)),
      );
      assert.equal(given.length, expected.length);
      const paths = (await readdir(join(folder, 'export'))).map((name) => join(folder, 'export', name));
      assert.equal((await read({ from: paths, ...everything })).records.length, expected.length);
    });
  }

  test('reads a gzipped dump', async () => {
    const folder = join(directory, 'gzip');
    await writeDump(records, { directory: folder, gzip: true });
    assert.deepEqual(inOrder((await read({ from: join(folder, 'dump'), ...everything })).records), expected);
  });

  test('leaves out temporary chats unless asked, archived ones when asked, and counts them', async () => {
    const plain = await read({ from: dump });
    const chats = joinRecords(records);
    const temporary = chats.filter(({ conversation }) => conversation !== null && isTemporary(conversation)).length;
    assert.ok(temporary > 0);
    assert.equal(plain.report.counts.filtered, temporary);
    assert.ok(plain.records.every((record) => !record.temporary));
    const { records: current } = await read({ from: dump, includeArchived: false, ...everything });
    assert.deepEqual(
      inOrder(current),
      expected.filter(({ archived }) => !archived),
    );
  });

  test('reads some users’ conversations, by e-mail or id, one conversation, or what changed since a day', async () => {
    const [id, { email } = { email: '' }] = Object.entries(manifest.users).find(
      ([, { conversations }]) => conversations > 3,
    ) ?? [''];
    const theirs = expected.filter(({ owner }) => owner.id === id);
    assert.ok(theirs.length > 3);
    assert.deepEqual(
      inOrder((await read({ from: dump, users: [email.toUpperCase()], ...everything })).records),
      theirs,
    );
    assert.deepEqual(inOrder((await read({ from: dump, users: [id], ...everything })).records), theirs);
    await assert.rejects(read({ from: dump, users: ['nobody@example.org'] }), {
      code: 'ETL_SOURCE_NOT_FOUND',
      message: 'there is no user nobody@example.org',
    });
    const [one] = theirs;
    assert.ok(one);
    const same = (await read({ from: dump, conversation: one.id, ...everything })).records;
    assert.deepEqual(
      same,
      expected.filter((record) => record.id === one.id),
    );
    const since = '2025-06-01';
    const saved = ({ updatedAt, messages }: Conversation): string =>
      [updatedAt, ...messages.map((message) => message.updatedAt)].reduce<string>(
        (a, b) => ((b ?? '') > a ? (b ?? '') : a),
        '',
      );
    const { records: changed } = await read({ from: dump, since, ...everything });
    assert.deepEqual(
      inOrder(changed),
      expected.filter((record) => saved(record) >= since),
    );
    assert.ok(changed.length > 0 && changed.length < expected.length);
  });

  test('goes on after the last commit when the target fails, and ends with the same records', async () => {
    const store = new Store<Conversation>();
    const run = (failAfter?: number) =>
      pipeline(librechatSource({ from: dump, batchSize: 20, memoryBytes: 100_000, ...everything }))
        .to(storeSink(store, failAfter === undefined ? {} : { failAfter }))
        .run();
    for (const failAfter of [1, 60, 200]) await assert.rejects(run(failAfter), /disk is full/);
    const report = await run();
    assert.deepEqual(inOrder(store.records), expected);
    assert.equal(report.counts.read, expected.length);
    assert.equal(report.resumed, true);
  });

  test('without users and files the conversations are whole all the same', async () => {
    const bare = join(directory, 'bare');
    await cp(join(dump, 'LibreChat'), bare, { recursive: true });
    for (const name of ['users.bson', 'files.bson']) await rm(join(bare, name));
    const { records: given, report } = await read({ from: bare, ...everything });
    assert.deepEqual(
      given.map(({ messages }) => messages.length).sort(),
      expected.map(({ messages }) => messages.length).sort(),
    );
    assert.ok(given.every(({ owner }) => owner.email === undefined));
    assert.equal(report.warnings.filter(({ message }) => message.startsWith('there are no ')).length, 2);
  });

  test('says what is missing, what is there twice, and what was cut short', async () => {
    const broken = join(directory, 'broken');
    await cp(join(dump, 'LibreChat'), broken, { recursive: true });
    await assert.rejects(read({ from: join(directory, 'nowhere') }), { code: 'ETL_SOURCE_NOT_FOUND' });
    await assert.rejects(read({ from: dump, since: 'yesterday' }), /expected a date/);
    await truncate(join(broken, 'messages.bson'), 100_001);
    await assert.rejects(read({ from: broken }), { code: 'ETL_SOURCE_TRUNCATED' });
    await writeFile(join(broken, 'messages.json'), '');
    await assert.rejects(read({ from: broken }), { code: 'ETL_SOURCE_INVALID', message: /"messages" is there twice/ });
    await rename(join(broken, 'messages.bson'), join(broken, 'elsewhere.bson'));
    await rm(join(broken, 'messages.json'));
    await assert.rejects(read({ from: broken }), { code: 'ETL_SOURCE_NOT_FOUND', message: /no dump of messages/ });
  });

  test('a chain of 20,000 messages is one conversation', async () => {
    const folder = join(directory, 'chain');
    await writeDump(chainChat(), { directory: folder });
    const [conversation] = (await read({ from: join(folder, 'dump'), memoryBytes: 1_000_000 })).records;
    assert.equal(conversation?.messages.length, 20_000);
    assert.equal(conversation.tree.depth, 20_000);
    assert.deepEqual(conversation.tree.repairs, []);
  });

  test('no planted secret comes out', async () => {
    const { records: given } = await read({ from: dump, ...everything });
    assert.ok(JSON.stringify(records).includes(manifest.secrets.mark));
    assert.ok(!JSON.stringify(given).includes(manifest.secrets.mark));
  });
});

/** As the source gives it: with what the project is called. */
function withProjectName(conversation: Conversation, records: readonly GeneratedRecord[]): Conversation {
  const { project } = conversation;
  const found = records.find(
    (record) =>
      'document' in record && record.collection === 'chatprojects' && String(record.document['_id']) === project?.id,
  );
  if (project === null || found === undefined || !('document' in found)) return conversation;
  return { ...conversation, project: { ...project, name: String(found.document['name']) } };
}

const counts = JSON.parse(
  readFileSync(new URL('../../samples/librechat/manifest.json', import.meta.url), 'utf8'),
) as Manifest;
const orphaned = new Set(counts.damage['orphan-message']?.cases.map(({ conversationId }) => conversationId));

testSource(() => librechatSource({ from: sample, batchSize: 12, includeTemporary: true, memoryBytes: 50_000 }), {
  name: 'librechat',
  records: (counts.collections['conversations'] ?? 0) + orphaned.size,
});
