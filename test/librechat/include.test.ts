import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EJSON, type Document } from 'bson';

import type { openMongodb } from '../../src/connections/mongodb.ts';
import type { Conversation } from '../../src/models/conversation.ts';
import { conversationSchema } from '../../src/models/conversation-schema.ts';
import { pipeline } from '../../src/pipeline.ts';
import { bundleSink } from '../../src/sinks/bundle.ts';
import { librechatSource, type LibrechatSourceOptions } from '../../src/sources/librechat.ts';
import { treeOf } from '../helpers/bundle.ts';
import { fakeMongodb } from '../helpers/fake-mongodb.ts';

const ana = '65f0c0ffee0000000000000a';
const ben = '65f0c0ffee0000000000000b';
const oid = (hex: string) => ({ $oid: hex });
const id = (place: number) => oid(`65f0c0ffee00000000000${100 + place}`);
const collections: Record<string, readonly Document[]> = {
  users: [
    { _id: oid(ana), email: 'ana@example.org' },
    { _id: oid(ben), email: 'ben@example.org' },
  ],
  conversations: [
    { _id: id(0), conversationId: 'c1', user: ana, title: 'A', endpoint: 'agents', agent_id: 'agent_1' },
    { _id: id(1), conversationId: 'c2', user: ben, title: 'B', endpoint: 'agents', agent_id: 'agent_gone' },
  ],
  messages: [],
  agents: [
    {
      _id: id(2),
      id: 'agent_1',
      author: oid(ben),
      name: 'Researcher',
      provider: 'openAI',
      model: 'gpt-4o',
      model_parameters: { apiKey: 'PLANTED' },
      versions: [{ name: 'Researcher 1', clientSecret: 'PLANTED' }],
    },
  ],
  assistants: [{ _id: id(3), user: oid(ana), assistant_id: 'asst_1' }],
  promptgroups: [{ _id: id(4), author: oid(ana), name: 'Letters' }],
  prompts: [{ _id: id(5), author: oid(ana), groupId: id(4), prompt: 'Write a letter' }],
  toolcalls: [{ _id: id(6), user: oid(ana), conversationId: 'c1', result: '42', attachments: [{ auth: 'PLANTED' }] }],
  transactions: [
    { _id: id(7), user: oid(ana), conversationId: 'c1', tokenType: 'prompt', rawAmount: -10 },
    { _id: id(8), user: oid(ben), conversationId: 'c2', tokenType: 'prompt', rawAmount: -20 },
  ],
  keys: [{ _id: id(9), userId: oid(ana), value: 'PLANTED' }],
};
const everything = ['agents', 'assistants', 'prompts', 'toolcalls', 'transactions'] as const;

describe('what else of a user is asked for', () => {
  let directory: string;
  let from: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etl-include-'));
    from = join(directory, 'export');
    await mkdir(from);
    for (const [name, documents] of Object.entries(collections))
      await writeFile(join(from, `${name}.json`), documents.map((one) => `${JSON.stringify(one)}\n`).join(''));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function bundled(
    name: string,
    options: Omit<LibrechatSourceOptions, 'records'>,
  ): Promise<Record<string, string>> {
    const path = join(directory, name);
    const live = Object.fromEntries(
      Object.entries(collections).map(([collection, all]) => [collection, all.map((one) => EJSON.deserialize(one))]),
    );
    const connect: typeof openMongodb = () => Promise.resolve(fakeMongodb(live));
    const source = librechatSource({ ...options, records: 'documents' }, { connect });
    await pipeline(source)
      .to(bundleSink({ path, exportedAt: '2026-01-01T00:00:00.000Z' }))
      .run();
    return treeOf(path, ['']);
  }

  test('lies beside the chats, without secrets, the same from a dump and live', async () => {
    const tree = await bundled('all', { from, include: [...everything] });
    assert.deepEqual(
      Object.keys(tree).filter((file) => /^ana_.*\.jsonl$/.test(file)),
      ['assistants', 'conversations', 'files_manifest', 'prompt_groups', 'prompts', 'tool_calls', 'transactions'].map(
        (name) => `ana_example.org/${name}.jsonl`,
      ),
    );
    const agent = JSON.parse(tree['ben_example.org/agents.jsonl'] ?? '') as Document;
    assert.equal(agent['name'], 'Researcher');
    assert.deepEqual(agent['versions'], [{ name: 'Researcher 1' }]);
    assert.match(tree['ana_example.org/tool_calls.jsonl'] ?? '', /"result":"42"/);
    assert.match(tree['ben_example.org/transactions.jsonl'] ?? '', /-20/);
    for (const [file, text] of Object.entries(tree)) assert.ok(!text.includes('PLANTED'), file);
    assert.deepEqual(await bundled('live', { uri: 'mongodb://localhost/LibreChat', include: [...everything] }), tree);
  });

  test('is not there when it is not asked for', async () => {
    const tree = await bundled('nothing', { from });
    const names = Object.keys(tree).map((file) => file.split('/').at(-1));
    for (const name of ['agents', 'tool_calls', 'transactions', 'prompts']) assert.ok(!names.includes(`${name}.jsonl`));
    const some = await bundled('some', { from, include: ['toolcalls'], users: ['ana@example.org'] });
    assert.ok('ana_example.org/tool_calls.jsonl' in some);
    assert.ok(!('ana_example.org/transactions.jsonl' in some));
  });

  test('tells conversations what their agent is called', async () => {
    const read = async (include: LibrechatSourceOptions['include']): Promise<Conversation[]> => {
      const found: Conversation[] = [];
      await pipeline(librechatSource({ from, include }))
        .to(async (records: AsyncIterable<Conversation>) => {
          for await (const record of records) found.push(conversationSchema.parse(record) as Conversation);
        })
        .run();
      return found;
    };
    const agents = (await read(['agents'])).map(({ settings }) => settings.agent);
    assert.deepEqual(agents, [{ name: 'Researcher', provider: 'openAI', model: 'gpt-4o' }, undefined]);
    assert.ok((await read([])).every(({ settings }) => settings.agent === undefined));
  });
});
