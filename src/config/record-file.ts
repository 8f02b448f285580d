import { readFile } from 'node:fs/promises';

import { describeCause, EtlError } from '../errors.ts';

/**
 * Reads a small file of records: a JSON array, or JSON lines.
 *
 * @throws {EtlError} `ETL_SOURCE_NOT_FOUND` when it cannot be read, `ETL_SOURCE_INVALID` when it is neither.
 */
export async function readRecordFile(file: string): Promise<unknown[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new EtlError('ETL_SOURCE_NOT_FOUND', 'cannot read the records', { where: { file }, cause: error });
  }
  if (text.trimStart().startsWith('[')) return parse(text, file) as unknown[];
  return text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parse(line, file, index + 1)]));
}

/** Records as text in the form that the file's name promises: `.jsonl` is JSON lines, else a JSON array, a record a line. */
export function recordFileText(file: string, records: readonly unknown[]): string {
  const lines = records.map((record) => JSON.stringify(record));
  return file.endsWith('.jsonl') ? lines.map((line) => `${line}\n`).join('') : `[\n${lines.join(',\n')}\n]\n`;
}

function parse(text: string, file: string, line?: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EtlError('ETL_SOURCE_INVALID', `not JSON: ${describeCause(error)}`, {
      where: { file, line },
      cause: error,
    });
  }
}
