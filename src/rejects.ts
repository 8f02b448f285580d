import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { describeCause, errorCodes, EtlError } from './errors.ts';
import { makeFolder } from './make-folder.ts';

/**
 * What happens to records that cannot be processed. `stop` ends the run at the first one, with all that came before it
 * committed. Otherwise they go to a file of JSON lines, up to `max` records or `maxRatio` of what was read.
 */
export type RejectPolicy =
  | 'stop'
  | { readonly to: string; readonly max?: number | undefined; readonly maxRatio?: number | undefined };

/** One line of a reject file. */
export interface Reject {
  readonly stage: string;
  readonly code: string;
  readonly reason: string;
  /** What to do, where the error says more than its code does. */
  readonly hint?: string;
  /** Where the record came from: file and line, or its number. */
  readonly at: string;
  readonly record: unknown;
}

interface Pending {
  readonly seq: number;
  readonly stage: number;
  readonly line: string;
}

/** How often each reason occurred: the five most frequent are in the report. */
export interface RejectReason {
  readonly stage: string;
  readonly code: string;
  readonly reason: string;
  readonly hint?: string;
  readonly count: number;
}

// maxRatio says nothing about the first few records.
const ratioFrom = 1000;
const reasonsKept = 1000;

/**
 * Holds rejects back until the records around them are committed, then appends them to the file in the order of the input:
 * a run that is killed and resumed leaves the same file as an unbroken one.
 */
export class RejectLog {
  readonly #policy: RejectPolicy;
  readonly #onReject: ((reject: Reject) => void) | undefined;
  readonly #reasons = new Map<string, { reject: Reject; count: number }>();
  #pending: Pending[] = [];
  #file: FileHandle | undefined;
  #isRegular = false;
  #length = 0;
  #total = 0;

  constructor(policy: RejectPolicy, alreadyRejected: number, onReject?: (reject: Reject) => void) {
    this.#policy = policy;
    this.#onReject = onReject;
    this.#total = alreadyRejected;
  }

  /** Length of the file in bytes up to the last flush. */
  get length(): number {
    return this.#length;
  }

  /** Opens the file; `length` is where the last commit left it, and what came after that is cut off. */
  async open(length: number | undefined): Promise<void> {
    if (this.#policy === 'stop') return;
    await makeFolder(dirname(this.#policy.to));
    // Rejects hold people's messages: nobody else needs to read them.
    this.#file = await open(this.#policy.to, 'a+', 0o600);
    const stats = await this.#file.stat();
    // A device or a pipe cannot be cut back or brought to a disk.
    this.#isRegular = stats.isFile();
    if (!this.#isRegular) return;
    const { size } = stats;
    this.#length = Math.min(length ?? size, size);
    if (size > this.#length) await this.#file.truncate(this.#length);
  }

  /** Takes one reject; throws when the policy says so. */
  add(reject: Reject, order: { readonly seq: number; readonly stage: number }, read: number): void {
    if (this.#policy === 'stop') throw rejected(reject);
    this.#total += 1;
    const { max, maxRatio } = this.#policy;
    if (max !== undefined && this.#total > max) {
      throw tooMany(reject, `more than ${max} records rejected`, this.#policy.to);
    }
    if (maxRatio !== undefined && read >= ratioFrom && this.#total / read > maxRatio) {
      throw tooMany(
        reject,
        `${this.#total} of ${read} records rejected, more than ${maxRatio * 100} %`,
        this.#policy.to,
      );
    }
    this.#onReject?.(reject);
    const key = `${reject.stage}\n${reject.code}\n${reject.reason}`;
    const known = this.#reasons.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#reasons.size < reasonsKept) this.#reasons.set(key, { reject, count: 1 });
    this.#pending.push({ ...order, line: `${JSON.stringify(printable(reject))}\n` });
  }

  /** Appends the rejects up to batch `seq` (which may differ by stage) and brings them to the disk. Gives how many they were. */
  async flush(seq: number | ((stage: number) => number)): Promise<number> {
    const isDue = (pending: Pending): boolean => pending.seq <= (typeof seq === 'number' ? seq : seq(pending.stage));
    const due = this.#pending.filter(isDue);
    if (due.length === 0 || this.#file === undefined) return 0;
    this.#pending = this.#pending.filter((pending) => !isDue(pending));
    due.sort((left, right) => left.seq - right.seq || left.stage - right.stage);
    const bytes = Buffer.from(due.map(({ line }) => line).join(''));
    await this.#file.appendFile(bytes);
    if (this.#isRegular) await this.#file.datasync();
    this.#length += bytes.length;
    return due.length;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** The most frequent reasons of this attempt, and how many more there were. */
  reasons(most = 5): { readonly reasons: readonly RejectReason[]; readonly moreReasons: number } {
    const reasons = [...this.#reasons.values()]
      .sort((left, right) => right.count - left.count)
      .map(({ reject: { stage, code, reason, hint }, count }) => ({
        stage,
        code,
        reason,
        ...(hint !== undefined && { hint }),
        count,
      }));
    return { reasons: reasons.slice(0, most), moreReasons: Math.max(0, reasons.length - most) };
  }
}

/** A record that has no JSON form is kept as text: the reject file must never be the reason that a run fails. */
function printable(reject: Reject): Reject {
  try {
    if (JSON.stringify(reject.record) !== undefined) return reject;
  } catch {
    // A cycle or a bigint: fall through to text.
  }
  return { ...reject, record: String(reject.record) };
}

function rejected({ stage, code, reason, at, record }: Reject): EtlError {
  const id = recordId(record);
  const where = { stage, record: id === undefined ? at : `${at} (${id})` };
  return new EtlError('ETL_RECORD_REJECTED', `${reason} (${code})`, { where });
}

function tooMany({ stage, reason, at }: Reject, what: string, file: string): EtlError {
  const hint = `Mend the cause, or allow more (max, maxRatio). Those of the records committed: etl rejects show ${file}`;
  return new EtlError('ETL_TOO_MANY_REJECTS', `${what}; the last: ${reason}`, { where: { stage, record: at }, hint });
}

/** The id of a record, by the names that chat systems use. */
export function recordId(record: unknown): string | undefined {
  if (record === null || typeof record !== 'object') return undefined;
  const fields = record as Readonly<Record<string, unknown>>;
  for (const name of ['id', '_id', 'conversationId', 'messageId', 'thread_id', 'file_id']) {
    const id = fields[name];
    if (typeof id === 'string' || typeof id === 'number') return `${name} ${id}`;
  }
  return undefined;
}

/** Code and reason of a cause, for the reject file, and what to do where that is more than what the code's page says. */
export function rejectReason(cause: unknown): Pick<Reject, 'code' | 'reason' | 'hint'> {
  if (cause instanceof EtlError) {
    const { code, message: reason, hint } = cause;
    return { code, reason, ...(hint !== '' && hint !== errorCodes[code].todo && { hint }) };
  }
  return { code: 'ETL_RECORD_INVALID', reason: describeCause(cause) || 'no reason given' };
}
