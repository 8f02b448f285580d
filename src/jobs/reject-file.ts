import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

import { describeCause, EtlError, systemCode } from '../errors.ts';
import type { Reject } from '../rejects.ts';

/** A rejected record, and where in the file it stands. */
export interface RejectEntry extends Reject {
  /** From 1. */
  readonly line: number;
  /** The line as it is in the file. */
  readonly text: string;
}

/**
 * Reads a reject file, one record at a time. A file that is not there holds no rejects.
 *
 * @throws {EtlError} `ETL_SOURCE_INVALID` for a line that is not a rejected record.
 */
export async function* readRejects(file: string): AsyncGenerator<RejectEntry> {
  const stream = createReadStream(file);
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let line = 0;
  try {
    for await (const text of lines) {
      line += 1;
      if (text !== '') yield { ...parseReject(text, file, line), line, text };
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    if (error instanceof EtlError) throw error;
    throw new EtlError('ETL_SOURCE_FAILED', 'cannot read the reject file', { where: { file }, cause: error });
  } finally {
    lines.close();
    stream.destroy();
  }
}

function parseReject(text: string, file: string, line: number): Reject {
  const where = { file, line };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EtlError('ETL_SOURCE_INVALID', `not JSON: ${describeCause(error)}`, { where, cause: error });
  }
  const { stage, code, reason, hint, at, record } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof stage !== 'string' || typeof code !== 'string' || typeof reason !== 'string' || typeof at !== 'string') {
    throw new EtlError('ETL_SOURCE_INVALID', 'not a rejected record: expected stage, code, reason and at', {
      where,
      hint: 'name a pipeline file, or a reject file',
    });
  }
  return { stage, code, reason, ...(typeof hint === 'string' && { hint }), at, record };
}
