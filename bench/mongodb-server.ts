// The server of the MongoDB benches, in a process of its own: chat messages encoded beforehand. Ends with its parent.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { BSON, ObjectId } from 'mongodb';

import { EncodedCollection } from '../test/helpers/mongodb-wire/encoded.ts';
import { startWireServer } from '../test/helpers/mongodb-wire/server.ts';
import { messages } from './data.ts';

const file = fileURLToPath(import.meta.url);

/** Starts it with so many megabytes of messages in `db.messages`; gives its URI. */
export async function startMongodbServer(megabytes: number): Promise<string> {
  const child = fork(file, [String(megabytes)]);
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

function* documents(megabytes: number): Generator<{ id: ObjectId; bytes: Uint8Array }> {
  let size = 0;
  let place = 0;
  for (const { createdAt, ...message } of messages()) {
    if (size >= megabytes * 1e6) return;
    place += 1;
    const id = new ObjectId(`65000000${place.toString(16).padStart(16, '0')}`);
    const bytes = BSON.serialize({ _id: id, ...message, createdAt: new Date(createdAt) });
    size += bytes.length;
    yield { id, bytes };
  }
}

if (process.argv[1] === file) {
  const collection = new EncodedCollection('db.messages', documents(Number(process.argv[2])));
  const { uri, insert } = await startWireServer({ override: collection.answer });
  // For the list of collections; reads go to the one above.
  insert('db.messages', [{ _id: 0 }]);
  process.on('disconnect', () => process.exit());
  process.send?.(`${uri}db`);
}
