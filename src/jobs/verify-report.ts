import type { ChatDifference } from '../formats/bundle-differences.ts';

/**
 * What kind of thing is not as it should be.
 *
 * Of the bundle itself: `manifest`, `file` (missing, unreadable, or its bytes differ), `unlisted` (a file nobody knows), `index`,
 * `chat` and `thread` (its line does not hold what its digest says), `count`. Beside a source: `missing` (the source has the chat, the bundle
 * has not), `unexpected` (the other way round), `differs`.
 */
export type DifferenceKind =
  | 'manifest'
  | 'file'
  | 'unlisted'
  | 'index'
  | 'chat'
  | 'thread'
  | 'count'
  | 'missing'
  | 'unexpected'
  | 'differs';

export interface VerifyDifference {
  readonly kind: DifferenceKind;
  /** The file below the bundle, or the chat: `chat KEY of user ID`. */
  readonly where: string;
  readonly detail: string;
  /** Document by document and field by field, for chats that differ from their source: the first 50. */
  readonly fields?: readonly ChatDifference[] | undefined;
  /** How many there are besides. */
  readonly moreFields?: number | undefined;
}

/** What `etl verify` found. */
export interface VerifyReport {
  readonly schema: 'threadmill/verify@1';
  readonly bundle: string;
  /** What it was compared with, without credentials. */
  readonly against: string | null;
  readonly ok: boolean;
  /** What was looked at. */
  readonly checked: {
    readonly chats: number;
    readonly messages: number;
    readonly files: number;
    readonly bytes: number;
    readonly sourceChats: number;
    /** Documents of the source that could not be read, and users asked for that are not there. */
    readonly sourceRejected: number;
  };
  readonly differences: {
    readonly total: number;
    readonly byKind: Readonly<Partial<Record<DifferenceKind, number>>>;
    /** The first of them. */
    readonly first: readonly VerifyDifference[];
  };
}

/** What `etl verify` found of a bundle of threads. */
export interface ThreadVerifyReport extends Omit<VerifyReport, 'schema' | 'checked' | 'against'> {
  readonly schema: 'threadmill/verify-threads@1';
  readonly checked: {
    readonly threads: number;
    readonly checkpoints: number;
    readonly files: number;
    readonly bytes: number;
  };
}

// A chat may have many thousand messages, and all of them may differ.
const mostFields = 50;

/** Collects differences: all are counted, the first are kept. */
export class Differences {
  readonly #most: number;
  readonly #first: VerifyDifference[] = [];
  readonly #byKind: Partial<Record<DifferenceKind, number>> = {};
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(kind: DifferenceKind, where: string, detail: string, fields?: () => readonly ChatDifference[]): void {
    this.#total += 1;
    this.#byKind[kind] = (this.#byKind[kind] ?? 0) + 1;
    if (this.#first.length >= this.#most) return;
    const all = fields?.();
    const more = (all?.length ?? 0) - mostFields;
    this.#first.push({ kind, where, detail, fields: all?.slice(0, mostFields), ...(more > 0 && { moreFields: more }) });
  }

  /** Adds one when the two are not the same. */
  expect(kind: DifferenceKind, where: string, what: string, expected: unknown, found: unknown): void {
    const [wanted, given] = [JSON.stringify(expected), JSON.stringify(found)];
    if (wanted !== given) this.add(kind, where, `${what}: expected ${wanted}, found ${given}`);
  }

  report(): VerifyReport['differences'] {
    return { total: this.#total, byKind: this.#byKind, first: this.#first };
  }
}
