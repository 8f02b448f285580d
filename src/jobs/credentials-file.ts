import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { EtlError, systemCode } from '../errors.ts';

/** What somebody signs in with the first time. */
export interface Credentials {
  readonly email: string;
  /** Null when nobody knows it: it has to be set anew, or people come in by a directory. */
  readonly password: string | null;
  readonly role: string;
}

const onlyOwner = 0o600;

/**
 * A file of JSON lines that only its owner may read, with the passwords of new accounts.
 *
 * A line is on the disk before the account is made, so that no account is left without its password when the process dies;
 * lines of accounts that were not made after all are taken out at the end. What was in the file before stays.
 */
export class CredentialsFile {
  readonly path: string;
  readonly #withdrawn = new Set<string>();
  readonly #lines = new Map<string, string>();
  #file: FileHandle | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Adds a line and brings it to the disk.
   *
   * @throws {EtlError} `ETL_SINK_FAILED` when the file cannot be written.
   */
  async add(credentials: Credentials): Promise<void> {
    const line = `${JSON.stringify(credentials)}\n`;
    this.#lines.set(credentials.email, line);
    const writing = this.#last.then(() => this.#write(line));
    this.#last = writing.catch(() => undefined);
    return writing;
  }

  /** Takes a line out again, when the file is closed. */
  withdraw(email: string): void {
    const line = this.#lines.get(email);
    if (line !== undefined) this.#withdrawn.add(line);
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file?.close();
    if (this.#file === undefined || this.#withdrawn.size === 0) return;
    const kept = (await readFile(this.path, 'utf8')).split(/(?<=\n)/).filter((line) => !this.#withdrawn.has(line));
    if (kept.length === 0) {
      await rm(this.path);
      return;
    }
    const beside = `${this.path}.new`;
    await rm(beside, { force: true });
    const file = await open(beside, 'wx', onlyOwner);
    try {
      await file.writeFile(kept.join(''));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(beside, this.path);
  }

  async #write(line: string): Promise<void> {
    try {
      this.#file ??= await openPrivate(this.path);
      await this.#file.write(line);
      await this.#file.datasync();
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      throw new EtlError('ETL_SINK_FAILED', `cannot write the passwords: ${systemCode(error) ?? ''}`, {
        where: { file: this.path },
        hint: 'Name another file with --output. No account was made whose password is not in it.',
        cause: error,
      });
    }
  }
}

async function openPrivate(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  const { O_APPEND, O_CREAT, O_WRONLY } = constants;
  // Windows has no such flag, and gives undefined for it.
  const { O_NOFOLLOW = 0 } = constants as { O_NOFOLLOW?: number };
  const file = await open(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, onlyOwner);
  // It may have been there, and open to others.
  await file.chmod(onlyOwner);
  return file;
}
