// How fast does a LibreChat become a bundle, against a query for each conversation?
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { MongoClient, type Document } from 'mongodb';

import { readManifest } from '../src/files/bundle-folders.ts';
import type { Conversation } from '../src/models/conversation.ts';
import type { LibrechatRecord } from '../src/models/librechat-chat.ts';
import { pipeline } from '../src/pipeline.ts';
import { bundleSink } from '../src/sinks/bundle.ts';
import { discardSink } from '../src/sinks/discard.ts';
import { librechatSource } from '../src/sources/librechat.ts';
import { bench, type Work } from './harness.ts';
import { startLibrechatServer, type LibrechatServer } from './librechat-server.ts';

const conversations = Number(process.env['ETL_BENCH_CHATS'] ?? 20_000);

function server(): LibrechatServer {
  return JSON.parse(process.env['ETL_BENCH_LIBRECHAT'] ?? '{}') as LibrechatServer;
}

/** The way of tools that export a LibreChat: each conversation's messages by a query of their own, then each file's document. */
async function chatByChat(folder: string): Promise<Work> {
  const { uri, bytes } = server();
  const client = new MongoClient(uri);
  const db = client.db();
  let [chats, messageCount] = [0, 0];
  try {
    for await (const user of db.collection('users').find()) {
      const path = join(folder, String(user['_id']));
      await mkdir(path, { recursive: true });
      const file = createWriteStream(join(path, 'conversations.jsonl'));
      for await (const conversation of db.collection('conversations').find({ user: String(user['_id']) })) {
        const { conversationId } = conversation;
        const messages = await db.collection('messages').find({ conversationId }).sort({ createdAt: 1 }).toArray();
        const fileIds = [...new Set(messages.flatMap(({ files }) => filesIn(files)))];
        const missing: string[] = [];
        for (const id of fileIds)
          if ((await db.collection('files').findOne({ file_id: id })) === null) missing.push(id);
        const line = {
          exported_at: new Date().toISOString(),
          user_email: user['email'] as string,
          conversation,
          messages,
          message_count: messages.length,
          file_ids: fileIds,
          missing_file_ids: missing,
          branching: branchingOf(messages),
        };
        if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, 'drain');
        chats += 1;
        messageCount += messages.length;
      }
      file.end();
      await finished(file);
    }
  } finally {
    await client.close();
  }
  return { records: messageCount, bytes, output: `${chats} chats, ${messageCount} messages` };
}

function filesIn(files: unknown): string[] {
  return Array.isArray(files) ? files.map((file) => (file as { readonly file_id: string }).file_id) : [];
}

function branchingOf(messages: readonly Document[]): object {
  const ids = new Set(messages.map(({ messageId }) => messageId as string));
  const children = new Map<string, number>();
  for (const { parentMessageId: parent } of messages)
    children.set(parent as string, (children.get(parent as string) ?? 0) + 1);
  const points = [...children].filter(([id, count]) => count > 1 && ids.has(id)).map(([id]) => id);
  return { has_branching: points.length > 0, branch_points: points };
}

async function exported(folder: string, records: 'documents' | 'conversations'): Promise<Work> {
  const { uri, bytes, messages } = server();
  const path = join(folder, 'bundle');
  const source =
    records === 'documents'
      ? librechatSource({ uri, includeTemporary: true, records: 'documents' })
      : librechatSource({ uri, includeTemporary: true });
  await pipeline<Conversation | LibrechatRecord>(source).to(bundleSink({ path })).run();
  const counts = (await readManifest(path))?.counts;
  return { records: messages, bytes, output: `${counts?.conversations} chats, ${counts?.messages} messages` };
}

await bench({
  question: `A LibreChat of ${conversations} conversations as a bundle, server in another process`,
  base: 'a query for each conversation',
  rounds: 3,
  async data() {
    process.env['ETL_BENCH_LIBRECHAT'] = JSON.stringify(await startLibrechatServer(conversations));
  },
  variants: [
    { name: 'a query for each conversation', run: chatByChat },
    {
      name: 'librechat to bundle, documents',
      target: { ratio: 3, peakMegabytes: 250 },
      run: (folder) => exported(folder, 'documents'),
    },
    { name: 'librechat to bundle, conversations', run: (folder) => exported(folder, 'conversations') },
    {
      name: 'librechat to discard, documents',
      outputLike: 'nothing',
      async run() {
        const { uri, bytes, messages } = server();
        await pipeline(librechatSource({ uri, includeTemporary: true, records: 'documents' }))
          .to(discardSink({}))
          .run();
        return { records: messages, bytes };
      },
    },
  ],
});
