import { readFile, rename, writeFile } from 'node:fs/promises';

import type { StageTest } from './pipeline-options.ts';
import { recordFileText } from './record-file.ts';
import { replaceExpected } from './replace-expected.ts';

/** A test whose expected records are to be replaced by what came out. */
export interface NewExpectation {
  /** Its place among the tests of the file. */
  readonly index: number;
  readonly test: StageTest;
  readonly records: readonly unknown[];
}

/** Writes what came out into the pipeline file, comments and all else kept, or into the test's `expectFile`. */
export async function updateExpected(file: string, changes: readonly NewExpectation[]): Promise<void> {
  const inFile = changes.filter(({ test }) => test.expectFile === undefined);
  for (const { test, records } of changes) {
    if (test.expectFile !== undefined) await replaceFile(test.expectFile, recordFileText(test.expectFile, records));
  }
  if (inFile.length === 0) return;
  let text = await readFile(file, 'utf8');
  for (const { index, records } of inFile) text = replaceExpected(text, index, records);
  await replaceFile(file, text);
}

/** The old file stays whole until the new one is. */
async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, text);
  await rename(next, path);
}
