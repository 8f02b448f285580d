import { Readable } from 'node:stream';
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
