import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { PostgresClient } from './postgres.ts';

/**
 * Sends the bytes of a COPY to the server. The buffers must stay as they are until this is done.
 *
 * A failed COPY leaves no row behind and the connection usable; inside a transaction that needs a savepoint.
 */
export async function copyInto(
  client: PostgresClient,
  statement: string,
  chunks: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<void> {
  const { from } = await import('pg-copy-streams');
  await pipeline(
    Readable.from(chunks, { objectMode: false, highWaterMark: 256 * 1024 }),
    client.query(from(statement)),
    { signal },
  );
}

/** The bytes of a `COPY … TO STDOUT`, as they come. They are held back when nobody takes them. */
export async function* copyOut(client: PostgresClient, statement: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { to } = await import('pg-copy-streams');
  const stream = addAbortSignal(signal, client.query(to(statement)));
  for await (const piece of stream) yield piece as Buffer;
}
