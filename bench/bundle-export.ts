// How fast does a LibreChat become a bundle, against a query for each conversation?
// Command: ETL_BENCH_CHATS=51000 ETL_BENCH_ROUNDS=1 npm run bench -- bundle-export   (default: 20 000 chats, 3 rounds)
// Data:    51 000 conversations, 432 000 messages, 1.01 GB of BSON (the tests' generator, seed 1), served from memory by a
//          process of its own; queries by ids are answered from replies made beforehand, so they cost the server next to nothing
// Machine: 2 cores x86-64, Node 20.20, 2026-11-21, otherwise idle, one round
//
// | variant                       | records/s | MB/s | wall s | CPU s | peak MB | ratio | CPU ratio |
// | a query for each conversation |      7418 |   17 |  58.20 | 51.86 |     176 |  1.00 |      1.00 |
// | documents to bundle           |      25 k |   58 |  17.42 | 27.88 |     233 |  3.34 |      1.86 |
// | conversations to bundle       |      10 k |   24 |  41.68 | 46.82 |     281 |  1.40 |      1.11 |
// | documents to discard          |      25 k |   57 |  17.62 | 26.46 |     227 |  3.30 |      1.96 |
//
// With other work waiting for the cores it was 4.33: the query for each conversation then waits longest.
//
// With 12 000 chats (235 MB), before memory was used again, in turns with the sources that grouped all messages outside of memory first:
//
// | a query for each conversation |      6186 |   14 |  16.62 | 13.43 |     174 |  1.00 |      1.00 |
// | documents to bundle, before   |      12 k |   28 |   8.46 | 10.28 |     260 |  1.97 |      1.31 |
// | documents to bundle           |      18 k |   41 |   5.74 |  8.14 |     304 |  2.90 |      1.65 |
//
// Reading: the target, at least 3 times the query for each conversation, is met on a gigabyte; on a quarter of it a fourth of
// the time is compiling (both threads have the same code to warm up) and half a second goes by before the second thread is
// there. Messages come in the order of the export, so that server, both threads and the disk are at work together; both
// cores are busy, so that only less work makes it faster: hashing takes 0.7 s of 8, writing 0.5, collecting garbage 1.
// Memory was 227 to 235 MB on a gigabyte then. What is alive is 25 MB; the rest is Node with the driver (68), young objects of both
// threads, buffers nobody uses any more, and holes between them. The text of messages and the memory of jobs are used again (about
// 15 MB less, and less CPU), and garbage is looked for sooner.
//
// One message of 16 MB is among the data since. 2026-11-22, 51 000 chats, one round, otherwise idle (3.64 and 226 MB with other work):
//
// | variant                       | records/s | MB/s | wall s | CPU s | peak MB | ratio | CPU ratio |
// | a query for each conversation |      5889 |   14 |  73.31 | 65.02 |     299 |  1.00 |      1.00 |
// | documents to bundle           |      22 k |   52 |  19.58 | 30.16 |     225 |  3.74 |      2.16 |
//
// Source to bundle alone, in turns: 221 to 226 MB, 12 000 chats 214 to 219; before, 257 to 266 (3.10 times, CPU ratio 1.76). The
// server's reply of 16 MB and its text are 33 MB of that, and cannot be had smaller: the driver gives a reply as a whole. Three
// things made the base smaller, from 207 to 218 MB to about 195: room for young objects is kept at 8 MB (it had grown to 33 of
// what outlives two looks for garbage; 25 MB less, at no cost), buffers are looked for sooner from the first document on, not
// from the second thread on (15 MB less, of holes that were never filled again), and files that wait for their place no longer hold
// the result they came in (10 MB less alive). With the small room alone it is 237 to 243; looking sooner alone gains nothing. Tried
// without gain: collecting young objects every 30 to 80 ms, 4 or 2 MB of room, looking sooner still (a tenth more work).
// Conversations to bundle make many objects: there it costs up to a fifth of the speed, and is done since for the memory of a message of
// 16 MB (`records: conversations` to lines: 330 MB before, 217 since).
//
// The same later that day, one round each: 2.72, 3.42 and 3.41 (CPU 1.57, 1.99, 1.99) at 234, 230 and 230 MB; the base took 60.4, 68.4 and
// 67.2 s. Beside the code of the morning, in turns, 12 000 chats: the same wall time, a twentieth more CPU.
//
// Where it went, and what was done about it (2026-11-22, 08:30, other work on the cores all the time; new and old code in turns):
//
// | 51 000 chats          | wall s       | CPU s        | peak MB       |
// | documents before      | 27.5 to 35.3 | 37.3 to 40.1 | 216 to 226    |
// | documents since       | 22.1 to 24.4 | 28.9 to 29.8 | 209, 212, 212 |
//
// 24 000: 15.1 s of CPU instead of 17.6, 14.7 instead of 18.1; 12 000: 215, 216, 217, 218 and 218 MB, where it was 216 to 230.
// A query for each conversation took 4.11 times as long in the same minutes (228 MB, before the last two steps), and 4.33 and
// 3.43 times with them (213 and 209 MB; CPU 1.85, 1.89 and 1.63), which says most about the other work. A sixth of all CPU was
// compiling: the engine drops optimised code with the last function that has it, and arrow functions in hot places were gone at
// each of 84 full collections: 1222 compilations in half a gigabyte, 670 with loops and named functions in their place. Another
// sixth was looking for garbage: a result lay in memory of its own, and its lines in small buffers before; now it is put
// together once in memory that goes round (full collections of the thread 38 to 14). The scanner held the message of 16 MB to
// the end (203 MB after it, 186 since). With less garbage it costs nothing to look for it sooner still: 10 MB less. No gain:
// more room for young objects in the thread, collecting in one thread only, reading further ahead, more jobs on their way. The
// first thread is busy for three quarters of the time and the second for half of it: what would help next is BSON to JSON in
// the second one, about an eighth of what the first does.
//
// 2026-11-22, 09:10, one round, next to nothing else running:
//
// | variant                       | records/s | MB/s | wall s | CPU s | peak MB | ratio | CPU ratio |
// | a query for each conversation |      4971 |   12 |  86.84 | 71.09 |     282 |  1.00 |      1.00 |
// | documents to bundle           |      23 k |   55 |  18.67 | 28.32 |     225 |  4.65 |      2.51 |
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
/** Messages of 16 MB among them: memory is to be bounded with one, too. */
const large = Number(process.env['ETL_BENCH_LARGE'] ?? 1);

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
  question: `A LibreChat of ${conversations} conversations and ${large} messages of 16 MB as a bundle, server in another process`,
  base: 'a query for each conversation',
  rounds: 3,
  async data() {
    process.env['ETL_BENCH_LIBRECHAT'] = JSON.stringify(await startLibrechatServer(conversations, large));
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
