/**
 * Frees memory at once, whoever still refers to it: they find it empty. Left to the garbage collector, a large buffer stays
 * for as long as anything that is old refers to it, a loop's variable too.
 *
 * @param bytes All of an `ArrayBuffer` of its own: nobody looks at it any more.
 */
export function freeMemory({ buffer }: Uint8Array<ArrayBuffer>): void {
  // It moves to an object that nobody has.
  structuredClone(buffer, { transfer: [buffer] });
}
