import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { PostgresClient } from './postgres.ts';

let loaded: Promise<typeof import('pg-copy-streams')> | undefined;

/** The package, asked for once: import() takes its time also when it is there. */
function copyStreams(): Promise<typeof import('pg-copy-streams')> {
  loaded ??= import('pg-copy-streams');
  return loaded;
}

/**
 * Sends the bytes of a COPY to the server. The buffers must stay as they are until this is done.
 *
 * A failed COPY leaves no row behind and the connection usable; inside a transaction that needs a savepoint. `isFlowing` is
 * called when the server has begun to take what is more than a few kilobytes.
 */
export async function copyInto(
  client: PostgresClient,
  statement: string,
  chunks: readonly Uint8Array[],
  signal: AbortSignal,
  isFlowing: () => void = () => undefined,
): Promise<void> {
  const { from } = await copyStreams();
  const copy = client.query(from(statement));
  copy.once('drain', isFlowing);
  await pipeline(Readable.from(chunks, { objectMode: false, highWaterMark: 256 * 1024 }), copy, { signal });
}

/** The bytes of a `COPY … TO STDOUT`, as they come. They are held back when nobody takes them. */
export async function* copyOut(client: PostgresClient, statement: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { to } = await copyStreams();
  const stream = addAbortSignal(signal, client.query(to(statement)));
  for await (const piece of stream) yield piece as Buffer;
}
