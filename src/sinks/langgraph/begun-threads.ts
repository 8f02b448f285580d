import { writeSync } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { systemCode } from '../../errors.ts';

/**
 * The threads that this run has begun to write, in a file of the run: one that was killed in the middle left a half thread,
 * and the next attempt must know that it is its own.
 */
export class BegunThreads {
  readonly #file: FileHandle;
  readonly #before: ReadonlySet<string>;
  readonly #open = new Set<string>();

  private constructor(file: FileHandle, before: ReadonlySet<string>) {
    this.#file = file;
    this.#before = before;
  }

  static async open(folder: string): Promise<BegunThreads> {
    const path = join(folder, 'begun');
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return '';
      throw error;
    });
    const before = new Set<string>();
    // A line that a kill cut short belongs to a thread that nothing was sent for yet.
    for (const line of text.split('\n').slice(0, -1)) {
      if (line.startsWith('+')) before.add(line.slice(1));
      else before.delete(line.slice(1));
    }
    const file = await open(path, 'a');
    if (text !== '' && !text.endsWith('\n')) await file.appendFile('\n');
    return new BegunThreads(file, before);
  }

  /** Whether an earlier attempt began it. */
  has(threadId: string): boolean {
    return this.#before.has(threadId);
  }

  /** Threads that this attempt writes, and is not done with. */
  get open(): readonly string[] {
    return [...this.#open];
  }

  /** Before the first request that writes it. */
  add(threadId: string): void {
    this.#open.add(threadId);
    this.#append(`+${threadId}\n`);
  }

  /** It turned out to be there from before. */
  remove(threadId: string): void {
    this.#open.delete(threadId);
    this.#append(`-${threadId}\n`);
  }

  /** This attempt goes on with what an earlier one began. */
  resume(threadId: string): void {
    this.#open.add(threadId);
  }

  /** It is written, or nothing is left of it. */
  done(threadId: string): void {
    this.#open.delete(threadId);
  }

  /** At once: some bytes more for the page cache take 5 µs, by way of the thread pool it is 100. */
  #append(line: string): void {
    writeSync(this.#file.fd, line);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
