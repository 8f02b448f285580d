/**
 * Frees memory at once, whoever still refers to it: they find it empty. Left to the garbage collector, a large buffer stays
 * for as long as anything that is old refers to it, a loop's variable too.
 *
 * @param bytes Somewhere in an `ArrayBuffer` that nobody looks at any more.
 */
export function freeMemory({ buffer }: Uint8Array): void {
  // It moves to an object that nobody has.
  if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
}

/** The same where the bytes are all of their `ArrayBuffer`: of others it is not known whose the rest is. */
export function freeWhole(bytes: Uint8Array): void {
  if (bytes.byteLength === bytes.buffer.byteLength) freeMemory(bytes);
}
