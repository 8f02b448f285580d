/** A record on its way into a group: its key, its text, and which of several inputs it is from. */
export interface Entry {
  readonly key: Buffer;
  readonly tag: number;
  readonly text: Buffer;
}

/** Bytes in front of an entry's key and text: their lengths and the tag. */
export const headerBytes = 9;

/** Bytes an entry takes in memory and in a file. */
export function entryBytes(key: Uint8Array, text: Uint8Array): number {
  return headerBytes + key.length + text.length;
}

/** Writes an entry at `at`: lengths of key and text (32 bits, little-endian), tag, key, text. */
export function writeEntry(bytes: Buffer, at: number, key: Uint8Array, tag: number, text: Uint8Array): void {
  bytes.writeUInt32LE(key.length, at);
  bytes.writeUInt32LE(text.length, at + 4);
  bytes[at + 8] = tag;
  bytes.set(key, at + headerBytes);
  bytes.set(text, at + headerBytes + key.length);
}

/** Size of the entry at `at`, from its header. */
export function sizeOfEntry(bytes: Buffer, at: number): number {
  return headerBytes + bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4);
}

/** The entry at `at`, as views on `bytes`. */
export function readEntry(bytes: Buffer, at: number): Entry {
  const textAt = at + headerBytes + bytes.readUInt32LE(at);
  return {
    key: bytes.subarray(at + headerBytes, textAt),
    tag: bytes[at + 8] ?? 0,
    text: bytes.subarray(textAt, textAt + bytes.readUInt32LE(at + 4)),
  };
}
