const MARK = [0xef, 0xbb, 0xbf];

/** The same bytes, but a UTF-8 byte order mark at the very beginning is three spaces, so that offsets stay true. */
export async function* blankByteOrderMark(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const bytes of chunks) {
    if (head === undefined) {
      yield bytes;
      continue;
    }
    head = Buffer.concat([head, bytes]);
    const matches = head.subarray(0, 3).every((byte, i) => byte === MARK[i]);
    if (matches && head.length < 3) continue;
    if (matches) head.fill(0x20, 0, 3);
    yield head;
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield head;
}
