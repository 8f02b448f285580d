import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BSON, EJSON } from 'bson';
import { openCollectionFiles, writeBinary } from './collection-files.ts';
import type { GeneratedRecord } from './types.ts';
import type { Written } from './write-dump.ts';

export interface WriteExportOptions {
  readonly directory: string;
  /** `mongoexport --jsonFormat`; relaxed is its default. */
  readonly format?: 'relaxed' | 'canonical';
}

/**
 * Writes records as `mongoexport` does: `<directory>/export/<collection>.json`, one Extended JSON document a line;
 * uploads as `writeDump`. Values pass through BSON first, so that a double stays a double.
 */
export async function writeExport(
  records: Iterable<GeneratedRecord>,
  { directory, format = 'relaxed' }: WriteExportOptions,
): Promise<Written> {
  const folder = join(directory, 'export');
  await mkdir(folder, { recursive: true });
  const files = openCollectionFiles(folder, '.json');
  for (const record of records) {
    if (!('document' in record)) await writeBinary(directory, record);
    else await files.append(record.collection, Buffer.from(`${exportLine(record.document, format)}\n`));
  }
  return files.close();
}

function exportLine(document: BSON.Document, format: 'relaxed' | 'canonical'): string {
  const typed = BSON.deserialize(BSON.serialize(document), { promoteValues: false });
  return EJSON.stringify(typed, { relaxed: format === 'relaxed' });
}
