import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { BSON, ObjectId, type Document } from 'bson';

import type { BundleManifest } from '../../src/formats/bundle.ts';
import { etl, type Outcome } from '../cli/helpers.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';
import { startWireServer, type WireServer } from '../helpers/mongodb-wire/server.ts';

const options = { seed: 3, conversations: 300, users: 4, damage: false, textScale: 2, maxTurns: 12, binaries: false };

describe('an export from a LibreChat that is in trouble', () => {
  let directory: string;
  let server: WireServer;
  let number = 0;
  /** One for each test. */
  let database = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-librechat-bad-'));
    server = await startWireServer();
  });
  beforeEach(() => {
    server.clearFaults();
    database = `LibreChat${(number += 1)}`;
  });
  after(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });

  function fill(): void {
    const collections = new Map<string, Document[]>();
    for (const record of generateLibrechat(options).records) {
      if (!('document' in record)) continue;
      const known = collections.get(record.collection);
      if (known === undefined) collections.set(record.collection, [record.document]);
      else known.push(record.document);
    }
    for (const [name, documents] of collections) server.insert(`${database}.${name}`, documents);
  }

  async function exported(uri: string, ...more: readonly string[]): Promise<Outcome & { readonly path: string }> {
    const path = join(directory, `bundle ${(number += 1)}`);
    const argv = ['librechat', 'export', '--all-users', '--no-progress', '--uri', uri, '--path', path, ...more];
    return { path, ...(await etl(argv)) };
  }
  const manifestOf = async (path: string): Promise<BundleManifest> =>
    JSON.parse(await readFile(join(path, 'MANIFEST.json'), 'utf8')) as BundleManifest;

  for (const { name, uri, code, expected } of [
    { name: 'no address', uri: () => 'localhost/LibreChat', code: 78, expected: /ETL_CONFIG_INVALID/ },
    { name: 'no database', uri: () => server.uri, code: 78, expected: /ETL_CONFIG_INVALID.*database/ },
    {
      name: 'nobody there',
      uri: () => 'mongodb://u:topsecret@127.0.0.1:1/LibreChat?serverSelectionTimeoutMS=100',
      code: 1,
      expected: /ETL_CONNECT_FAILED: .*\n +at .*127\.0\.0\.1:1/,
    },
    {
      name: 'no such host',
      uri: () => 'mongodb://nowhere.invalid/LibreChat?serverSelectionTimeoutMS=100',
      code: 1,
      expected: /ETL_CONNECT_FAILED: .*\n +at .*nowhere\.invalid/,
    },
  ]) {
    test(`a wrong URI is said, and no password with it: ${name}`, async () => {
      const { code: ended, stderr } = await exported(uri());
      assert.equal(ended, code, stderr);
      assert.match(stderr, expected);
      assert.ok(!stderr.includes('topsecret'));
    });
  }

  test('a refused login is said', async () => {
    fill();
    server.fault('unauthorized', { command: 'find', times: 1000 });
    const { code, stderr } = await exported(server.uri + database);
    assert.equal(code, 1);
    assert.match(stderr, /ETL_AUTH_FAILED/);
  });

  test('a database without chats: which collections are missing, and what there is', async () => {
    server.insert(`${database}.orders`, [{ _id: 1 }]);
    const none = await exported(server.uri + database);
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /ETL_SOURCE_NOT_FOUND: no conversations and no messages in "LibreChat\d+": it has orders/,
    );
    server.insert(`${database}.conversations`, [{ _id: 1 }]);
    assert.match((await exported(server.uri + database)).stderr, /no messages in "LibreChat\d+"/);
  });

  test('a collection that is dropped meanwhile ends the export, which a later one does not take for whole', async () => {
    fill();
    let finds = 0;
    server.fault(
      () => {
        finds += 1;
        if (finds === 4) server.drop(`${database}.messages`);
      },
      { command: 'find', times: 100 },
    );
    const { code, stderr, path } = await exported(server.uri + database);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /ETL_SOURCE_(CHANGED|NOT_FOUND): .*messages/);
    await assert.rejects(manifestOf(path), { code: 'ENOENT' });
    assert.equal((await etl(['verify', path])).code === 0, false);
  });

  test('documents that are deleted meanwhile cost themselves', async () => {
    fill();
    let finds = 0;
    const gone = generateLibrechat(options);
    const messages = [...gone.records].flatMap((record) =>
      'document' in record && record.collection === 'messages' ? [record.document] : [],
    );
    const last = messages.at(-1) ?? assert.fail();
    server.fault(
      () => {
        finds += 1;
        if (finds === 2) server.remove(`${database}.messages`, { messageId: last['messageId'] as string });
      },
      { command: 'find', times: 100 },
    );
    const { code, stderr, path } = await exported(server.uri + database, '--include-temporary');
    assert.equal(code, 0, stderr);
    const { counts } = await manifestOf(path);
    assert.equal(counts.messages, messages.length - 1);
    assert.equal((await etl(['librechat', 'verify', path, '--uri', server.uri + database])).code, 0);
  });

  test('a document of 16 MB is exported, and one that is no BSON costs itself', async () => {
    fill();
    const user = '65f0c0ffee0000000000000a';
    const large = {
      _id: new ObjectId(),
      messageId: 'large',
      conversationId: '5a0dc0ff-0000-4000-8000-000000000001',
      user,
      text: '',
    };
    const room = 16 * 1024 * 1024 - BSON.calculateObjectSize(large);
    server.insert(`${database}.messages`, [{ ...large, text: 'é'.repeat(Math.floor(room / 2)) }]);
    const broken = { _id: new ObjectId(), messageId: 'broken', conversationId: large.conversationId, user, flag: true };
    const bytes = Buffer.from(BSON.serialize(broken));
    bytes[bytes.length - 2] = 7;
    server.insertAs(`${database}.messages`, broken, bytes);
    const { code, stderr, path } = await exported(server.uri + database);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /1 × librechat: .*boolean/);
    const line = await readFile(join(path, `user-${user}`, 'conversations.jsonl'), 'utf8');
    const { messages } = JSON.parse(line) as { messages: { text: string }[] };
    assert.deepEqual(
      messages.map(({ text }) => text.length),
      [Math.floor(room / 2)],
    );
    assert.equal((await etl(['verify', path])).code, 0);
  });
});
