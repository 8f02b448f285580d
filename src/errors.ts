/**
 * Every code an `EtlError` can carry: what it means and what to do. Codes never change their meaning.
 * `docs/errors.md` is made from this table.
 */
export const errorCodes = {
  ETL_USAGE: { means: 'The command was called in a way it does not know.', todo: 'See `etl help COMMAND`.' },
  ETL_CONFIG_NOT_FOUND: { means: 'The pipeline file does not exist or cannot be read.', todo: 'Check the path.' },
  ETL_CONFIG_SYNTAX: {
    means:
      'The pipeline file is not valid YAML, or it uses YAML in a way that is refused (alias bombs, several documents).',
    todo: 'Mend the file at the line and column named.',
  },
  ETL_CONFIG_INVALID: {
    means: 'An option is unknown, missing or of the wrong type.',
    todo: 'Mend the option at the line and column named; `etl describe COMPONENT` lists what there is.',
  },
  ETL_CONFIG_VARIABLE: {
    means: 'The file names an environment variable that is not set.',
    todo: 'Set it, put it in `.env`, or give a default: `${NAME:-default}`.',
  },
  ETL_CONFIG_WIRING: {
    means: 'A stage cannot take what the stage before it gives.',
    todo: 'Put the transform named in between, or use another component.',
  },
  ETL_COMPONENT_UNKNOWN: { means: 'There is no component of that type.', todo: 'See `etl list`.' },
  ETL_EXPRESSION_INVALID: {
    means: 'An expression in the configuration does not compile, or fails on a record.',
    todo: 'Mend the expression at the position named.',
  },
  ETL_CONNECT_FAILED: {
    means: 'A server did not answer, or refused the connection.',
    todo: 'Check the address and that the server is running; then run the same command again.',
  },
  ETL_AUTH_FAILED: {
    means: 'The server refused the credentials.',
    todo: 'Check user, password or key and their rights.',
  },
  ETL_REQUEST_FAILED: {
    means: 'A server answered a request with an error, or with something that is not what was asked for.',
    todo: 'See its answer in the message.',
  },
  ETL_SOURCE_NOT_FOUND: { means: 'What the source names does not exist.', todo: 'Check the path or name.' },
  ETL_SOURCE_INVALID: {
    means: 'The input is not in the form the source reads.',
    todo: 'Look at the place named; another source may fit (`etl list`).',
  },
  ETL_SOURCE_TRUNCATED: {
    means: 'The input ends in the middle of a record or of a compressed block: it was cut short.',
    todo: 'Get the whole file, then run the same command again: what came before the cut stays written where the sink keeps progress.',
  },
  ETL_SOURCE_CHANGED: {
    means: 'The input is no longer the one the run started with, so its cursor does not fit.',
    todo: 'Bring the old input back, or start over with `--new-run`.',
  },
  ETL_SOURCE_FAILED: {
    means: 'Reading failed.',
    todo: 'See the cause; the same command goes on from the last commit.',
  },
  ETL_RECORD_REJECTED: {
    means: 'A record cannot be processed, and the pipeline stops at the first one (`onReject: stop`).',
    todo: 'Mend the record, or let such records go to a file: `onReject: { to: rejects.jsonl, max: 100 }`.',
  },
  ETL_RECORD_INVALID: {
    means: 'A record is not valid JSON or lacks what a stage needs.',
    todo: 'Look at the record named.',
  },
  ETL_RECORD_TOO_LARGE: {
    means: 'A record is larger than the limit.',
    todo: 'Raise the limit named (`maxLineBytes`), if the memory is there.',
  },
  ETL_TOO_MANY_REJECTS: {
    means: 'More records were rejected than `onReject` allows.',
    todo: 'Look at the reject file (`etl rejects show`), mend the cause, run the same command again.',
  },
  ETL_SINK_EXISTS: {
    means: 'The target holds data already, and `ifExists` is `error`.',
    todo: 'Choose another target, or another `ifExists`: `etl describe COMPONENT` lists what there is.',
  },
  ETL_SINK_CHANGED: {
    means: 'The target is not as this run left it: shorter than what was committed, or gone.',
    todo: 'Bring it back, or start over with `--new-run`.',
  },
  ETL_SINK_FAILED: {
    means: 'Writing failed: disk full, no permission, the other side refused.',
    todo: 'Remove the cause; the same command goes on from the last commit.',
  },
  ETL_STAGE_FAILED: {
    means: 'A stage threw an error.',
    todo: 'See the cause; the same command goes on from the last commit.',
  },
  ETL_WORKER_FAILED: {
    means: 'A thread that a stage works in ended before its time: out of memory, or by what its module does.',
    todo: 'See the cause. Smaller batches or fewer `workers` take less memory; the same command goes on from the last commit.',
  },
  ETL_RUN_LOCKED: {
    means: 'Another process runs this pipeline into this target.',
    todo: 'Wait until it ends, or stop it.',
  },
  ETL_RUN_CHANGED: {
    means: 'The configuration is no longer the one this run was started with.',
    todo: 'Undo the change, or start over with `--new-run`.',
  },
  ETL_LEDGER_INVALID: {
    means: 'The record of progress beside the target cannot be read.',
    todo: 'Start over with `--new-run`; nothing was changed.',
  },
  ETL_LIMIT_REFUSED: {
    means: '`--limit` does not go together with `ifExists: replace`: the sample would take the place of the data.',
    todo: 'Leave out `--limit`, or write to another target.',
  },
  ETL_COUNT_MISMATCH: {
    means:
      'Records went missing or came from nowhere inside the pipeline: read = written + skipped + filtered + rejected does not hold.',
    todo: 'This is an error in the stage named; please report it.',
  },
  ETL_VERIFY_DIFFERS: { means: 'Source and target differ.', todo: 'See the differences listed.' },
  ETL_TEST_FAILED: {
    means: 'A test in the configuration failed.',
    todo: 'See the difference; `--update` takes the new result over.',
  },
  ETL_ABORTED: { means: 'The run was stopped from outside.', todo: 'Run the same command to go on.' },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Where something happened. What is not known is left out. */
export interface ErrorPlace {
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** Bytes from the start of the (decompressed) file. */
  readonly offset?: number | undefined;
  readonly stage?: string | undefined;
  /** Id or position of the record. */
  readonly record?: string | undefined;
}

interface ErrorDetails {
  readonly where?: ErrorPlace | undefined;
  /** What to do, when we know better than the table of codes. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class: a code that never changes, what happened, where, and what to do. The original is its `cause`.
 * Messages hold no secrets.
 */
export class EtlError extends Error {
  override readonly name = 'EtlError';
  readonly code: ErrorCode;
  readonly where: ErrorPlace;
  readonly hint: string;

  constructor(code: ErrorCode, what: string, { where = {}, hint, cause }: ErrorDetails = {}) {
    super(what, cause === undefined ? undefined : { cause });
    this.code = code;
    this.where = where;
    this.hint = hint ?? errorCodes[code].todo;
  }

  /** The same error with more known about its place; what is known already stays. */
  at(where: ErrorPlace): EtlError {
    const known = Object.fromEntries(Object.entries(this.where).filter(([, value]) => value !== undefined));
    const moved = new EtlError(this.code, this.message, {
      where: { ...where, ...known },
      hint: this.hint,
      cause: this.cause,
    });
    if (this.stack !== undefined) moved.stack = this.stack;
    return moved;
  }

  /** The four parts for people: code and what, then where, then what to do. */
  describe(): string {
    const lines = [`${this.code}: ${this.message}`];
    const place = describePlace(this.where);
    if (place !== '') lines.push(`  at ${place}`);
    const cause = describeCause(this.cause);
    if (cause !== '' && !this.message.includes(cause)) lines.push(`  cause: ${cause}`);
    if (this.hint !== '') lines.push(`  ${this.hint}`);
    return lines.join('\n');
  }
}

/** `export.jsonl:7:3, stage "map", record "abc"` */
export function describePlace({ file, line, column, offset, stage, record }: ErrorPlace): string {
  const position = [file, line, column].filter((part) => part !== undefined).join(':');
  const parts = [position];
  if (offset !== undefined) parts.push(`byte ${offset}`);
  if (stage !== undefined) parts.push(`stage "${stage}"`);
  if (record !== undefined) parts.push(`record ${record}`);
  return parts.filter((part) => part !== '').join(', ');
}

/** The first line of what an unknown thrown value says; with its code for system errors. */
export function describeCause(cause: unknown): string {
  if (cause === undefined || cause === null) return '';
  if (cause instanceof EtlError) return `${cause.code}: ${cause.message}`;
  if (!(cause instanceof Error)) return String(cause);
  const text = cause.message === '' ? cause.name : cause.message;
  return text.split('\n', 1)[0] ?? '';
}

/** An `EtlError` as it is, anything else wrapped under `code`, with the stage it happened in. */
export function toEtlError(cause: unknown, code: ErrorCode, where: ErrorPlace): EtlError {
  if (cause instanceof EtlError) return cause.at(where);
  const what = describeCause(cause) || 'unknown error';
  return new EtlError(code, what, { where, cause });
}

/** Whether an error is about the record at hand. An `EtlError` of another kind, such as a broken connection, is about the run. */
export function isRecordError(error: unknown): boolean {
  if (!(error instanceof EtlError)) return true;
  return error.code.startsWith('ETL_RECORD_') || error.code === 'ETL_EXPRESSION_INVALID';
}

/** The code of a Node system error (`ENOENT`, `ENOSPC` …), if it is one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
