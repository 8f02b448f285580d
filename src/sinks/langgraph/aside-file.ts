import { open, rm, type FileHandle } from 'node:fs/promises';

import { readFully } from '../../spill/read-fully.ts';
import { writeFully } from '../../spill/write-fully.ts';

/** Records that are on the disk. */
export interface AsideRecords {
  read(index: number): Promise<unknown>;
  /** They are not wanted any more. */
  release(): Promise<void>;
}

/**
 * Keeps records on the disk that are written and wait for the end of their thread: only when that fails somebody asks for them
 * again. There is a file as long as there are such.
 */
export class AsideFile {
  readonly #path: string;
  #file: Promise<FileHandle> | undefined;
  #length = 0;
  #held = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** @param texts Each record as JSON text. */
  async put(texts: readonly Uint8Array[]): Promise<AsideRecords> {
    this.#held += 1;
    // What a killed attempt left there is of no use to this one.
    const file = await (this.#file ??= open(this.#path, 'w+', 0o600));
    const places: { readonly offset: number; readonly length: number }[] = [];
    for (const text of texts) {
      const offset = this.#length;
      this.#length += text.length;
      places.push({ offset, length: text.length });
      await writeFully(file, text, offset);
    }
    return {
      async read(index) {
        const { offset, length } = places[index] ?? { offset: 0, length: 0 };
        const text = Buffer.allocUnsafeSlow(length);
        await readFully(file, text, offset);
        return JSON.parse(text.toString('utf8')) as unknown;
      },
      release: async () => {
        this.#held -= 1;
        if (this.#held === 0) await this.close();
      },
    };
  }

  /** Also removes the file. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#length = 0;
    if (file === undefined) return;
    await (await file).close();
    await rm(this.#path, { force: true });
  }
}
