import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { MongoClient } from 'mongodb';

import { etl, folderWith, type Outcome } from '../cli/helpers.ts';
import { generateLibrechat } from '../helpers/librechat-data/generate-librechat.ts';
import { writeMongodb } from '../helpers/librechat-data/write-mongodb.ts';
import { mongodbForTests } from '../helpers/mongodb.ts';
import { onyxDatabase, onyxInvariants } from '../helpers/onyx/database.ts';
import { query } from '../helpers/postgres.ts';

// Values that only some servers hold are left out, so that this runs on each.
const data = { seed: 41, conversations: 60, users: 6, damage: true, exotic: false, textScale: 0.3, maxTurns: 8 };

test('people of a live LibreChat get accounts, and their chats in Onyx are compared with it', async (t) => {
  const server = await mongodbForTests();
  if ('skip' in server) return t.skip(server.skip);
  t.after(() => server.close());
  const client = await MongoClient.connect(server.uri);
  t.after(() => client.close());
  await writeMongodb(client.db(), [...generateLibrechat(data).records], { indexes: 'none' });
  const cwd = await folderWith(t);
  const url = await onyxDatabase(['admin@example.com']);
  const run = (...argv: readonly string[]): Promise<Outcome> => etl(argv, { cwd, env: { ONYX_DATABASE_URL: url } });
  const uri = ['--uri', server.uri];

  const dry = await run('onyx', 'create-users', ...uri, '--via', 'database', '--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  const wanted = [...dry.stdout.matchAll(/^would be created +(\S+)$/gm)].map(([, email]) => email);
  assert.ok(wanted.length >= 3, dry.stdout);
  const made = await run('onyx', 'create-users', ...uri, '--via', 'database');
  assert.equal(made.code, 0, made.stderr);
  const accounts = await query(url, `select email from "user" where email <> 'admin@example.com' and is_active`);
  const emails = accounts.map(({ email }) => email);
  for (const email of wanted) assert.ok(emails.includes(email), `${email} has an account`);

  const bundle = join(cwd, 'bundle');
  const exported = await run(
    'librechat',
    'export',
    '--all-users',
    ...uri,
    '--path',
    bundle,
    '--no-copy-files',
    '--quiet',
  );
  assert.equal(exported.code, 0, exported.stderr);
  const into = ['--users', 'skip', '--no-upload-files', '--no-progress', '--quiet'];
  const imported = await run('onyx', 'import', '--bundle-path', bundle, ...into);
  assert.equal(imported.code, 0, imported.stderr);
  assert.deepEqual(await onyxInvariants(url), []);
  const clean = await run('onyx', 'verify', ...uri);
  assert.deepEqual([clean.code, clean.stdout], [0, ''], clean.stderr);
  assert.match(clean.stderr, /ok: Onyx holds what was imported \((\d+) conversations/);

  const [one] = await query(
    url,
    `select o.source_id as source, s.id as chat, k.key from etl.onyx_message o join chat_session s on s.id = o.session_id
       join etl.onyx_chat k on k.session_id = s.id join chat_message m on m.id = o.message_id
      where m.message_type = 'USER' and m.message <> '' and o.source_id not like '%#%' order by m.id limit 1`,
  );
  const changed = await client
    .db()
    .collection('messages')
    .updateMany(
      { messageId: String(one?.['source']), conversationId: String(one?.['key']).split(':').slice(2).join(':') },
      { $set: { text: 'said otherwise since' }, $unset: { content: '' } },
    );
  assert.equal(changed.modifiedCount, 1);
  const found = await run('onyx', 'verify', ...uri, '--json');
  assert.equal(found.code, 4, found.stderr);
  const { differences } = JSON.parse(found.stdout) as {
    readonly differences: {
      readonly first: readonly { readonly sessionId: string; readonly fields: readonly string[] }[];
    };
  };
  assert.deepEqual([...new Set(differences.first.map(({ sessionId }) => sessionId))], [one?.['chat']]);
  assert.ok(differences.first.some(({ fields }) => fields.includes('text')));
});
