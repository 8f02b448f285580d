import { open, type FileHandle } from 'node:fs/promises';

import type { JobOutcome } from './write-mode.ts';

/** One line of the report: what of one thread is the same on the target, and why not. */
export function fidelityLine(
  threadId: string,
  mode: string,
  { kind, relation, fidelity, losses, added }: JobOutcome,
): string {
  const line = {
    thread_id: threadId,
    outcome: kind,
    mode,
    ...(relation === undefined ? {} : { relation }),
    ...fidelity,
    ...(added === undefined || added.size === 0 ? {} : { added_channels: [...added].toSorted() }),
    ...(losses === undefined || losses.size === 0 ? {} : { losses: Object.fromEntries(losses) }),
  };
  return `${JSON.stringify(line)}\n`;
}

/** The report of a run as JSON lines. A resumed run cuts it back to what was committed, and goes on. */
export class FidelityReport {
  readonly #file: FileHandle;
  #bytes: number;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  static async open(path: string, bytes: number): Promise<FidelityReport> {
    const file = await open(path, bytes === 0 ? 'w' : 'r+');
    await file.truncate(bytes);
    return new FidelityReport(file, bytes);
  }

  /** Brings lines to the disk, and gives the length of the report. */
  async add(lines: string): Promise<number> {
    const text = Buffer.from(lines);
    await this.#file.write(text, 0, text.length, this.#bytes);
    await this.#file.datasync();
    this.#bytes += text.length;
    return this.#bytes;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
