import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { GeneratedBinary } from './types.ts';

const FLUSH_BYTES = 256 * 1024;

/** Appends to one file a collection, opened at its first document. */
export interface CollectionFiles {
  append(collection: string, bytes: Uint8Array): Promise<void> | undefined;
  /** Flushes and closes all; gives documents and bytes (uncompressed) a collection, by name. */
  close(): Promise<Record<string, { documents: number; bytes: number }>>;
}

interface OpenFile {
  readonly stream: Writable;
  readonly done: Promise<void>;
  pending: Uint8Array[];
  pendingBytes: number;
  documents: number;
  bytes: number;
}

/** Opens files `directory/<collection><extension>`; with `.gz` at the end they are compressed. */
export function openCollectionFiles(directory: string, extension: string): CollectionFiles {
  const files = new Map<string, OpenFile>();
  const flush = async (file: OpenFile): Promise<void> => {
    const bytes = Buffer.concat(file.pending, file.pendingBytes);
    file.pending = [];
    file.pendingBytes = 0;
    if (!file.stream.write(bytes)) await once(file.stream, 'drain');
  };
  return {
    append(collection, bytes) {
      const file = files.get(collection) ?? open(join(directory, collection + extension));
      if (file.documents === 0) files.set(collection, file);
      file.pending.push(bytes);
      file.pendingBytes += bytes.length;
      file.documents++;
      file.bytes += bytes.length;
      return file.pendingBytes >= FLUSH_BYTES ? flush(file) : undefined;
    },
    async close() {
      for (const file of files.values()) {
        await flush(file);
        file.stream.end();
        await file.done;
      }
      const names = [...files.keys()].sort();
      return Object.fromEntries(
        names.map((name) => [name, { documents: files.get(name)?.documents ?? 0, bytes: files.get(name)?.bytes ?? 0 }]),
      );
    },
  };
}

/** Writes an upload under `directory`, making folders as needed. */
export async function writeBinary(directory: string, { path, bytes }: GeneratedBinary): Promise<void> {
  const target = join(directory, ...path.split('/'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, bytes);
}

function open(path: string): OpenFile {
  const out = createWriteStream(path);
  const gzip = path.endsWith('.gz') ? createGzip() : undefined;
  const stream: Writable = gzip ?? out;
  const done = gzip === undefined ? finished(out) : pipeline(gzip, out);
  done.catch(() => undefined); // a failed write also rejects the await in close(); until then it must not end the process
  return { stream, done, pending: [], pendingBytes: 0, documents: 0, bytes: 0 };
}
