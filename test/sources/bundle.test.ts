import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';

import { librechatToConversation } from '../../src/mappings/librechat-to-conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bundleSink, type BundleSinkOptions } from '../../src/sinks/bundle.ts';
import { bundleSource, type BundleSourceOptions } from '../../src/sources/bundle.ts';
import { testSource } from '../../src/testing/index.ts';
import { chatRecord, recordsSource, userRecord } from '../helpers/bundle.ts';
import { joinedLibrechat } from '../helpers/joined-librechat.ts';

const generated = (): Conversation[] =>
  joinedLibrechat({ seed: 11, conversations: 120, users: 5, damage: true, textScale: 0.05, maxTurns: 8 })
    .chats.map((chat) => librechatToConversation(chat).conversation)
    .sort((a, b) => (a.owner.id < b.owner.id ? -1 : a.owner.id > b.owner.id ? 1 : 0));

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'etl-bundle-source-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function read<T = Conversation>(options: BundleSourceOptions): Promise<T[]> {
  const records: T[] = [];
  await pipeline(bundleSource(options))
    .to(async (given: AsyncIterable<unknown>) => {
      // The form follows from the options.
      for await (const record of given) records.push(record as T);
    })
    .run();
  return records;
}

async function write(conversations: readonly Conversation[], options: BundleSinkOptions): Promise<void> {
  await pipeline(conversations)
    .to(bundleSink({ exportedAt: '2026-01-01T00:00:00.000Z', ...options }))
    .run();
}

const byKey = (a: Conversation, b: Conversation): number => (a.key < b.key ? -1 : 1);

test('conversations of any source come out of a bundle as they went in', async (t) => {
  const path = await folder(t);
  const conversations = generated();
  assert.ok(conversations.length > 100);
  for (const options of [{}, { compress: 'gzip' }, { layout: 'single' }] as const) {
    const bundle = join(path, JSON.stringify(options));
    await write(conversations, { path: bundle, ...options });
    const found = await read({ path: bundle });
    assert.deepEqual(found.sort(byKey), JSON.parse(JSON.stringify([...conversations].sort(byKey))));
  }
});

test('files carry the digest and the place of their bytes', async (t) => {
  const path = await folder(t);
  await mkdir(join(path, 'root'));
  await writeFile(join(path, 'root', 'a.txt'), 'hello');
  const [first] = generated();
  assert.ok(first);
  const file = { id: 'f1', name: 'a.txt', bytes: 99, storage: 'local', paths: ['a.txt'] };
  const gone = { id: 'f2', name: 'b.txt', unavailable: 'expired' } as const;
  const bundle = join(path, 'bundle');
  await write([{ ...first, files: [file, gone] }], { path: bundle, assetRoots: [join(path, 'root')] });
  const [found] = await read({ path: bundle });
  const [copied, other] = found?.files ?? [];
  assert.equal(copied?.sha256, '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824');
  assert.equal(copied.bytes, 5);
  assert.deepEqual(
    copied.paths?.map((place) => place.replace(/^[^/]+/, '')),
    ['/files/f1/a.txt'],
  );
  assert.deepEqual(other, gone);
});

/** A bundle as another tool writes it: the layout without any of our additions. */
async function othersBundle(path: string, compressed = false): Promise<string> {
  const user = join(path, 'export_20260101', 'ana_example_org');
  await mkdir(user, { recursive: true });
  const line = {
    exported_at: '2026-01-01T00:00:00',
    user_email: 'Ana@example.org',
    conversation: {
      _id: '65a000000000000000000001',
      conversationId: 'c1',
      title: 'Hello',
      user: 'u1',
      endpoint: 'openAI',
      createdAt: '2026-01-01T10:00:00.000Z',
    },
    messages: [
      {
        _id: '65a000000000000000000002',
        messageId: 'm1',
        conversationId: 'c1',
        parentMessageId: '00000000-0000-0000-0000-000000000000',
        user: 'u1',
        isCreatedByUser: true,
        text: 'hi',
        createdAt: '2026-01-01T10:00:00.000Z',
        files: [{ file_id: 'f1' }],
      },
      {
        _id: '65a000000000000000000003',
        messageId: 'm2',
        conversationId: 'c1',
        parentMessageId: 'm1',
        user: 'u1',
        isCreatedByUser: false,
        text: 'hello',
        createdAt: '2026-01-01T10:00:01.000Z',
      },
    ],
    message_count: 2,
    file_ids: ['f1'],
    missing_file_ids: [],
    branching: { has_branching: false, branch_points: [], missing_parent_ids: [] },
  };
  const entry = {
    file_id: 'f1',
    metadata: {
      file_id: 'f1',
      filename: 'a.txt',
      type: 'text/plain',
      bytes: 5,
      filepath: '/uploads/u1/f1__a.txt',
      source: 'local',
      user: 'u1',
    },
    source_path: '/srv/uploads/u1/f1__a.txt',
    sha256: 'ab'.repeat(32),
    copied_rel_path: 'files/f1/a.txt',
    copied: true,
    errors: [],
  };
  await writeFile(join(user, 'summary.json'), '{}');
  const put = (name: string, value: unknown): Promise<void> => {
    const text = `${JSON.stringify(value)}\n`;
    return writeFile(join(user, compressed ? `${name}.gz` : name), compressed ? gzipSync(text) : text);
  };
  await put('conversations.jsonl', line);
  await put('files_manifest.jsonl', entry);
  return user;
}

test('reads bundles of other tools: the whole, one user of it, and one file', async (t) => {
  for (const compressed of [false, true]) {
    const path = await folder(t);
    const user = await othersBundle(path, compressed);
    const ending = compressed ? '.gz' : '';
    for (const given of [path, join(path, 'export_20260101'), user, join(user, `conversations.jsonl${ending}`)]) {
      const [found, ...more] = await read({ path: given });
      assert.ok(found);
      assert.equal(more.length, 0);
      conversationSchema.parse(found);
      assert.equal(found.key, 'librechat:u1:c1');
      assert.deepEqual(found.owner, { id: 'u1', email: 'Ana@example.org' });
      assert.deepEqual(
        found.messages.map(({ role, parts }) => [role, parts[0]?.type === 'text' ? parts[0].text : '']),
        [
          ['user', 'hi'],
          ['assistant', 'hello'],
        ],
      );
      const file = found.files[0];
      assert.equal(file?.sha256, 'ab'.repeat(32));
      assert.ok(join(given, '..', ...(file.paths ?? [])).endsWith('files/f1/a.txt'));
    }
  }
});

test('a chat of LibreChat carries the name of its project', async (t) => {
  const path = await folder(t);
  const project = { _id: { $oid: 'aaaaaaaaaaaaaaaaaaaaaaaa' }, user: 'u1', name: 'Project 🗂️' };
  const owner = userRecord('u1', 'ana@example.org', {
    related: [{ name: 'projects', lines: [Buffer.from(JSON.stringify(project))] }],
  });
  for (const compress of ['none', 'gzip'] as const) {
    const bundle = join(path, compress);
    const chats = ['aaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbb'].map((id) =>
      chatRecord(owner.user, `in-${id}`, ['hello'], [], { chatProjectId: id }),
    );
    await pipeline(recordsSource([owner, ...chats]))
      .to(bundleSink({ path: bundle, compress }))
      .run();
    const found = await read({ path: bundle });
    assert.deepEqual(
      found.map(({ project: one }) => one),
      [{ id: 'aaaaaaaaaaaaaaaaaaaaaaaa', name: 'Project 🗂️' }, { id: 'bbbbbbbbbbbbbbbbbbbbbbbb' }],
    );
  }
});

test('gives the lines as they stand when documents are asked for', async (t) => {
  const path = await folder(t);
  const ana = userRecord('a1', 'ana@example.org');
  const chat = chatRecord(ana.user, 'c1', ['one', 'two']);
  await pipeline(recordsSource([ana, chat]))
    .to(bundleSink({ path: join(path, 'bundle'), exportedAt: '2026-01-01T00:00:00.000Z' }))
    .run();
  const [line] = await read<object>({ path: join(path, 'bundle'), records: 'documents' });
  assert.deepEqual(line, { exported_at: '2026-01-01T00:00:00.000Z', ...(chat.toJSON() as object) });
  const [conversation] = await read({ path: join(path, 'bundle') });
  assert.equal(conversation?.key, 'librechat:a1:c1');
  assert.equal(conversation.messages.length, 2);
});

test('gives the chats of the users asked for', async (t) => {
  const path = await folder(t);
  const [ana, bob] = [userRecord('a1', 'ana@example.org'), userRecord('b2', 'bob@example.org')];
  const records = [
    ana,
    chatRecord(ana.user, 'c1', ['1']),
    bob,
    chatRecord(bob.user, 'c2', ['2']),
    chatRecord(bob.user, 'c3', ['3']),
  ];
  const bundle = join(path, 'bundle');
  await pipeline(recordsSource(records))
    .to(bundleSink({ path: bundle }))
    .run();
  for (const kind of ['conversations', 'documents'] as const) {
    assert.equal((await read({ path: bundle, userEmail: 'BOB@example.org', records: kind })).length, 2);
    assert.equal(
      (await read({ path: bundle, userEmail: ['bob@example.org', 'ana@example.org'], records: kind })).length,
      3,
    );
    assert.equal((await read({ path: bundle, userEmail: [], records: kind })).length, 0);
  }
});

test('says what is wrong with what is no bundle, or not a whole one', async (t) => {
  const path = await folder(t);
  await mkdir(join(path, 'empty'));
  await assert.rejects(read({ path: join(path, 'empty') }), { code: 'ETL_SOURCE_NOT_FOUND' });
  await assert.rejects(read({ path: join(path, 'none') }), { code: 'ETL_SOURCE_NOT_FOUND' });
  const bundle = join(path, 'bundle');
  await pipeline(generated().slice(0, 3))
    .to(bundleSink({ path: bundle, layout: 'single' }))
    .run();
  await rm(join(bundle, 'MANIFEST.json'));
  await assert.rejects(read({ path: bundle }), { code: 'ETL_SOURCE_INVALID' });
  await writeFile(join(bundle, 'MANIFEST.json'), '{"schema":"threadmill/bundle@9"}');
  await assert.rejects(read({ path: bundle }), { code: 'ETL_SOURCE_INVALID', message: /bundle@9/ });
  await writeFile(join(bundle, 'MANIFEST.json'), '{');
  await assert.rejects(read({ path: bundle }), { code: 'ETL_SOURCE_INVALID', message: /not JSON/ });
});

test('a bundle of nothing gives nothing', async (t) => {
  const path = join(await folder(t), 'bundle');
  await pipeline([] as Conversation[])
    .to(bundleSink({ path }))
    .run();
  assert.deepEqual(await read({ path }), []);
});

test('rejects a line that is no chat, and goes on', async (t) => {
  const path = await folder(t);
  const user = await othersBundle(path);
  await appendFile(
    join(user, 'conversations.jsonl'),
    '{"messages":1}\n[]\nnot json\n{"conversation":null,"messages":[null,{"text":"alone"}],"file_ids":[7]}\n',
  );
  const onReject = { to: join(path, 'rejects.jsonl') };
  const found: unknown[] = [];
  const report = await pipeline(bundleSource({ path: user }), { onReject })
    .to(async (records: AsyncIterable<Conversation>) => {
      for await (const record of records) found.push(record.messages.length);
    })
    .run();
  assert.deepEqual(found, [2, 1]);
  assert.equal(report.counts.rejected, 3);
});

const many = generated();
for (const records of ['conversations', 'documents'] as const) {
  testSource(
    async (directory) => {
      const path = join(directory, 'bundle');
      const sink = bundleSink({ path, layout: 'users', ifExists: 'replace', exportedAt: '2026-01-01T00:00:00.000Z' });
      await pipeline(many).to(sink).run();
      return bundleSource({ path, batchSize: 10, records });
    },
    { name: `bundle of ${records}`, records: many.length },
  );
}
