const mostKept = 8;
const mostBytes = 2 * 1024 * 1024;

/**
 * Memory that is used again, for the text of a page of messages. Left to the engine, megabytes of buffers that are done with
 * stand until there are a hundred of them.
 */
export class TextMemory {
  readonly #free: Buffer[] = [];

  /** Memory to write text for documents of so many bytes into; nothing when there is none yet. */
  take(bytes: number): Buffer | undefined {
    // As JSON text they are a little larger.
    const place = this.#free.findIndex(({ length }) => length >= bytes * 1.25);
    return place === -1 ? undefined : this.#free.splice(place, 1)[0];
  }

  /** Takes back what text was written into; nobody may look at it any more. */
  giveBack({ buffer }: Uint8Array): void {
    // Large messages are rare; their memory is not kept, and of much the largest is.
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength > mostBytes) return;
    this.#free.push(Buffer.from(buffer));
    if (this.#free.length > mostKept) this.#free.shift();
  }
}
