// How fast does a LibreChat become a bundle, against a query for each conversation?
// Command: ETL_BENCH_CHATS=12000 ETL_BENCH_ROUNDS=1 npm run bench -- bundle-export   (default: 20 000 chats, 3 rounds)
// Data:    12 000 conversations, 103 000 messages, 234 MB of BSON (the tests' generator, seed 1), served from memory by a
//          process of its own; queries by id are answered from replies made beforehand, so they cost the server next to nothing
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, one round, with two to four other processes at work on the two cores
//
// | variant                       | records/s | MB/s | wall s | CPU s | peak MB | ratio | CPU ratio |
// | a query for each conversation |      8148 |   19 |  12.62 | 11.25 |     223 |  1.00 |      1.00 |
// | documents to bundle           |      20 k |   46 |   5.14 |  7.33 |     322 |  2.45 |      1.53 |
// | conversations to bundle       |      9237 |   21 |  11.13 | 11.84 |     299 |  1.13 |      0.95 |
// | documents to discard          |      15 k |   34 |   6.95 |  6.40 |     318 |  1.82 |      1.76 |
//
// Before there was one look at a document instead of five, and a second thread: 1.53 and 1.10, 269 MB. The same export by the
// sources of before and of now, in turns, without the thread: 12.0 and 9.0 CPU s. With eight processes waiting for the cores
// the thread has none to itself: 1.51 and 1.23.
//
// Reading: the targets are missed, at least 3 times the query for each conversation and 250 MB. The base does less: no digests, no
// repairs, no secrets left out, no fsync. Memory is 322 MB with the loader that strips the types (about 50 of it) and 236 to
// 258 MB as the package ships it, 226 without the second thread: a heap of its own, and buffers on their way. Of the
// first thread's time a quarter goes into keys and JSON text of the pages, a fifth into grouping outside of memory (written and
// read once), a quarter into writing and hashing, a tenth into garbage. To try next: read some chats at a time by their ids, in order, which takes the
// grouping away and has the server, the thread and the disk at work together.
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
      name: 'documents to bundle',
      target: { ratio: 3, peakMegabytes: 250 },
      run: (folder) => exported(folder, 'documents'),
    },
    { name: 'conversations to bundle', run: (folder) => exported(folder, 'conversations') },
    {
      name: 'documents to discard',
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
