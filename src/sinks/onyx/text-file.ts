import { createHash } from 'node:crypto';

import type { OnyxFile } from '../../models/onyx.ts';

/** A file of which only the text is there, as it is uploaded. */
export interface TextFile {
  readonly name: string;
  readonly content: Buffer;
  readonly sha256: string;
}

/** The text of a file as a text file; nothing for one that has bytes. */
export function textFile({ name, text }: OnyxFile): TextFile | undefined {
  if (text === null) return undefined;
  const content = Buffer.from(text.toWellFormed());
  return {
    name: /\.(txt|md|csv|json)$/i.test(name) ? name : `${name}.txt`,
    content,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}
