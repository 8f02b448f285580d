import { open } from 'node:fs/promises';

/** The lines of a text file, one by one. */
export async function* readLines(path: string): AsyncGenerator<string> {
  const file = await open(path);
  try {
    for await (const line of file.readLines({ autoClose: false })) yield line;
  } finally {
    await file.close();
  }
}
