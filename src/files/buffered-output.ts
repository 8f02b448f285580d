import type { Output, OutputTarget, SyncUnderWay } from './output.ts';

// Small pieces are copied into one of two reused buffers of this size: 4 to 5 times as fast as a write stream given lines.
const bufferBytes = 256 * 1024;
// A larger piece is written as it is.
const directBytes = 64 * 1024;
// So much is written at a time. Each write is a turn through the thread pool.
const writeBytes = 1024 * 1024;
// What is written goes to the disk in the background after this much, so that a commit has little left to wait for.
const earlySyncBytes = 16 * 1024 * 1024;

/** Writes to a target from `length` on: about a megabyte at a time, gathered while the one before is written. */
export class BufferedOutput implements Output {
  readonly #target: OutputTarget;
  #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #spare = Buffer.allocUnsafeSlow(bufferBytes);
  /** The part of the buffer that is among the pieces already, and what was copied behind it. */
  #sealed = 0;
  #used = 0;
  /** What is to be written next, before what is in the buffer and not sealed. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  /** To be called when these pieces are written. */
  #whenTaken: (() => void)[] = [];
  #length: number;
  /** Bytes handed to the target, written or in flight. */
  #position: number;
  #flight: Promise<void> = Promise.resolve();
  /** The sync under way in the background, and what was written since it began. */
  #earlySync: Promise<void> | undefined;
  #unsynced = 0;

  constructor(target: OutputTarget, length: number) {
    this.#target = target;
    this.#length = length;
    this.#position = length;
  }

  get length(): number {
    return this.#length;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > directBytes) return this.#add(bytes);
    if (this.#used + bytes.length > bufferBytes) return this.#turnOver().then(() => this.write(bytes));
    this.#buffer.set(bytes, this.#used);
    this.#took(bytes.length);
    return undefined;
  }

  whenTaken(done: () => void): void {
    if (this.#pieces.length > 0) this.#whenTaken.push(done);
    // What is being written now may be of it.
    else void this.#flight.then(done, () => undefined);
  }

  /** Takes bytes that may be changed as soon as this is done: all of them are copied. */
  async writeCopy(bytes: Uint8Array): Promise<void> {
    let from = 0;
    while (from < bytes.length) {
      if (this.#used === bufferBytes) await this.#turnOver();
      const part = bytes.subarray(from, from + bufferBytes - this.#used);
      this.#buffer.set(part, this.#used);
      this.#took(part.length);
      from += part.length;
    }
  }

  writeText(text: string): Promise<void> | undefined {
    // A UTF-16 unit takes at most 3 bytes.
    if (text.length * 3 > bufferBytes) return this.write(Buffer.from(text));
    if (this.#used + text.length * 3 > bufferBytes) return this.#turnOver().then(() => this.writeText(text));
    this.#took(this.#buffer.write(text, this.#used));
    return undefined;
  }

  async endBlock(): Promise<void> {}

  async sync(): Promise<void> {
    await this.#turnOver();
    await this.#flight;
    // What failed in the background is an error of this commit: the system may not tell of it a second time.
    await this.#earlySync;
    this.#earlySync = undefined;
    this.#unsynced = 0;
    await this.#target.sync();
  }

  async beginSync(): Promise<SyncUnderWay> {
    await this.#turnOver();
    return { done: this.#syncEarly() };
  }

  async cutBack(length: number): Promise<void> {
    this.#forget();
    await this.#flight;
    await this.#earlySync?.catch(() => undefined);
    await this.#target.truncate(length);
    this.#length = length;
    this.#position = length;
  }

  async close(): Promise<void> {
    // What went wrong has been thrown where it was waited for; this must not hide it.
    await this.#flight.catch(() => undefined);
    await this.#earlySync?.catch(() => undefined);
    await this.#target.close();
  }

  #took(bytes: number): void {
    this.#used += bytes;
    this.#length += bytes;
  }

  /** Puts a large piece behind what there is. */
  #add(bytes: Uint8Array): Promise<void> | undefined {
    this.#seal();
    this.#pieces.push(bytes);
    this.#piecesBytes += bytes.length;
    this.#length += bytes.length;
    return this.#piecesBytes < writeBytes ? undefined : this.#turnOver();
  }

  #seal(): void {
    if (this.#used === this.#sealed) return;
    this.#pieces.push(this.#buffer.subarray(this.#sealed, this.#used));
    this.#piecesBytes += this.#used - this.#sealed;
    this.#sealed = this.#used;
  }

  #forget(): void {
    this.#pieces = [];
    this.#piecesBytes = 0;
    this.#whenTaken = [];
    this.#sealed = 0;
    this.#used = 0;
  }

  /** Starts writing what there is and goes on with the other buffer. */
  async #turnOver(): Promise<void> {
    await this.#flight;
    this.#seal();
    const pieces = this.#pieces;
    const bytes = this.#piecesBytes;
    const whenTaken = this.#whenTaken;
    if (bytes === 0) return;
    const full = this.#buffer;
    this.#buffer = this.#spare;
    this.#spare = full;
    this.#forget();
    const position = this.#position;
    this.#position += bytes;
    this.#flight = this.#target.write(pieces, position);
    // Thrown where it is awaited; until then it is not unhandled.
    this.#flight.then(
      () => {
        for (const done of whenTaken) done();
      },
      () => undefined,
    );
    this.#unsynced += bytes;
    if (this.#unsynced >= earlySyncBytes) void this.#syncEarly();
  }

  #syncEarly(): Promise<void> {
    this.#unsynced = 0;
    const before = this.#earlySync ?? Promise.resolve();
    const sync = Promise.all([before, this.#flight]).then(() => this.#target.sync());
    sync.catch(() => undefined);
    this.#earlySync = sync;
    return sync;
  }
}
