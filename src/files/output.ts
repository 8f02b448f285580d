/**
 * Where a file sink puts its bytes.
 *
 * `write` and `writeText` give a promise only when they have to wait for the disk; a caller awaits just that, so that
 * thousands of small records cost no turn of the event loop.
 */
export interface Output {
  /** Bytes in the file once everything given so far is written; compressed, those of the blocks ended so far. */
  readonly length: number;
  /** Takes bytes. They may be held on to until they are written, and must not be changed. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Calls `done` when nothing that was given so far is held on to any more; never when it could not be written. */
  whenTaken(done: () => void): void;
  /** Takes text, written as UTF-8. */
  writeText(text: string): Promise<void> | undefined;
  /** Ends the compressed block that is open, so that `length` is a place the file can be cut at. */
  endBlock(): Promise<void>;
  /** Brings everything given so far to the disk. */
  sync(): Promise<void>;
  /** Ends the block and begins bringing everything given so far to the disk; more may be written meanwhile. */
  beginSync(): Promise<SyncUnderWay>;
  /** Forgets what came after `length`, where the output stood at a sync, and cuts the file there. */
  cutBack(length: number): Promise<void>;
  /** Waits for what is being written, drops what is not, and closes the file. */
  close(): Promise<void>;
}

/** What is on its way to the disk. */
export interface SyncUnderWay {
  /** It is there, or it went wrong; that is also thrown by the next `sync`. */
  readonly done: Promise<void>;
}

/** What an output writes to: one write at a time, and perhaps a sync beside it. */
export interface OutputTarget {
  /** Writes all of the pieces one after the other from `position` in the file on; they are not kept after that. */
  write(pieces: readonly Uint8Array[], position: number): Promise<void>;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}
