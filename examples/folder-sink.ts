import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { EtlError, fileLedger, ledgerDirectory, type Sink } from '../src/index.ts';

/** Writes every record into a file of its own, named after its `id`. */
export function folderSink({ path }: { path: string }): Sink<unknown> {
  return {
    role: 'sink',
    name: 'folder',
    config: { path },
    // Where the progress is kept: in `<path>.etl/`, beside the folder.
    ledger: () => fileLedger(ledgerDirectory(path)),
    async *write(input, ctx) {
      await mkdir(path, { recursive: true });
      for await (const batch of input) {
        let records = 0;
        let bytes = 0;
        for (const [index, record] of batch.records.entries()) {
          const id = idOf(record);
          if (id === undefined) {
            ctx.reject(record, new EtlError('ETL_RECORD_INVALID', 'expected an "id" of letters and digits'), {
              batch,
              index,
            });
            continue;
          }
          ctx.signal.throwIfAborted();
          bytes += await writeWhole(join(path, `${id}.json`), JSON.stringify(record));
          records += 1;
        }
        // Only what is on the disk is committed. Written again after a kill, a file is replaced by the same bytes.
        await syncFolder(path);
        yield { records, bytes, cursor: batch.cursor };
      }
    },
  };
}

function idOf(record: unknown): string | undefined {
  if (record === null || typeof record !== 'object' || !('id' in record)) return undefined;
  const { id } = record;
  return (typeof id === 'string' || typeof id === 'number') && /^[\w-]{1,200}$/.test(`${id}`) ? `${id}` : undefined;
}

/** Nobody ever sees half a file: it is written under another name, brought to the disk, and renamed. */
async function writeWhole(path: string, text: string): Promise<number> {
  const file = await open(`${path}.part`, 'w');
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  return Buffer.byteLength(text);
}

/** Brings the names to the disk: a rename is not safe before that. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
