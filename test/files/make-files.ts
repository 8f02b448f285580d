import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { EtlError } from '../../src/errors.ts';

/** Writes a file for a test, with its folders, and gives its path. */
export async function makeFile(directory: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

/** Records of different sizes, with everything in them that has to be escaped or takes more than a byte. */
export function someRecords(count: number, bytes = 100): unknown[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    title: `chat ${id} "🙂"\n\u2028`,
    text: 'wörd '.repeat((id * 7919) % (bytes / 5)),
  }));
}

/** Records as JSON lines. */
export function linesOf(records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** The error a run fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<EtlError> {
  const error: unknown = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EtlError, String(error));
  return error;
}
