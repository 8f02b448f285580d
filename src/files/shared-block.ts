/** The beginning of memory that threads can share. */
export type SharedBlock = Buffer<SharedArrayBuffer>;

/** Memory for a block of so many bytes, and behind it room for its member. */
export function blockMemory(bytes: number): SharedBlock {
  return Buffer.from(new SharedArrayBuffer(2 * bytes), 0, bytes);
}
