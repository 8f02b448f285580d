// The server of the MongoDB benches, in a process of its own: chat messages encoded beforehand. Ends with its parent.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BSON, ObjectId } from 'mongodb';

import { EncodedCollection } from '../test/helpers/mongodb-wire/encoded.ts';
import { startWireServer } from '../test/helpers/mongodb-wire/server.ts';
import { messages } from './data.ts';

const file = fileURLToPath(import.meta.url);
/** Close to the most a document may be. */
const largeBytes = 16_000_000;

/** Starts it with so many megabytes of messages in `db.messages`, and so many of 16 MB in their middle; gives its URI. */
export async function startMongodbServer(megabytes: number, large = 0): Promise<string> {
  const child = fork(file, [String(megabytes), String(large)]);
  process.once('exit', () => child.kill('SIGKILL'));
  const [uri] = (await once(child, 'message')) as [string];
  letGo(child);
  return uri;
}

/** The bench may end while it runs. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
}

function* documents(megabytes: number, large: number): Generator<{ id: ObjectId; bytes: Uint8Array }> {
  let size = 0;
  let place = 0;
  let largeLeft = large;
  for (const { createdAt, ...message } of messages()) {
    if (size >= megabytes * 1e6) return;
    place += 1;
    const id = new ObjectId(`65000000${place.toString(16).padStart(16, '0')}`);
    const isLarge = largeLeft > 0 && size >= megabytes * 0.5e6;
    if (isLarge) largeLeft -= 1;
    const text = isLarge ? longText(message.text) : message.text;
    const bytes = BSON.serialize({ _id: id, ...message, text, createdAt: new Date(createdAt) });
    if (!isLarge) size += bytes.length;
    yield { id, bytes };
  }
}

/** The text over and over. */
function longText(text: string): string {
  return text.repeat(Math.floor((largeBytes - 100_000) / Buffer.byteLength(text)));
}

if (process.argv[1] === file) {
  const [megabytes = 0, large = 0] = process.argv.slice(2).map(Number);
  const collection = new EncodedCollection('db.messages', documents(megabytes, large));
  const { uri, insert } = await startWireServer({ override: collection.answer });
  // For the list of collections; reads go to the one above.
  insert('db.messages', [{ _id: 0 }]);
  process.on('disconnect', () => process.exit());
  process.send?.(`${uri}db`);
}
