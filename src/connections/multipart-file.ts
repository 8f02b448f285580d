import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A file on the disk, or its bytes. */
export type FileContent = { readonly path: string } | Uint8Array;

/** The body of a request that uploads one file: streamed, with its length known beforehand, and made anew for each try. */
export async function multipartFile(
  field: string,
  { name, type, content }: { readonly name: string; readonly type: string; readonly content: FileContent },
): Promise<{ readonly type: string; readonly bytes: number; make(): AsyncIterable<Uint8Array> }> {
  const boundary = `threadmill-${randomUUID()}`;
  const head = Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="${field}"; filename="${quoted(name)}"\r\ncontent-type: ${headerText(type)}\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const size = content instanceof Uint8Array ? content.byteLength : (await stat(content.path)).size;
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    bytes: head.length + size + tail.length,
    async *make() {
      yield head;
      if (content instanceof Uint8Array) yield content;
      else yield* createReadStream(content.path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
      yield tail;
    },
  };
}

/** As browsers write it: the HTML standard's escapes, UTF-8 as it stands. */
function quoted(name: string): string {
  return name
    .toWellFormed()
    .replaceAll('\r', '%0D')
    .replaceAll('\n', '%0A')
    .replaceAll('"', '%22')
    .replaceAll('\0', '');
}

function headerText(type: string): string {
  return /^[\w.+-]+\/[\w.+-]+(; ?[\w.+=-]+)*$/.test(type) ? type : 'application/octet-stream';
}
