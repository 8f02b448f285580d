import { EtlError } from '../errors.ts';
import { bsonFormat, extendedJsonFormat } from '../files/bson-formats.ts';
import { readRecords } from '../files/read-records.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import type { StageContext } from '../stage.ts';
import type { LibrechatDumpFiles } from './dump-files.ts';
import { readingContext } from './reading-context.ts';
import type { LibrechatCollection, LibrechatInput } from './librechat-input.ts';

const limits = { batchSize: 2000, batchBytes: 1024 * 1024, maxLineBytes: 128 * 1024 * 1024 };

/** A dump's files as an input. They are read whole, or up to where they are cut short: there are no indexes in a dump. */
export function dumpInput(files: LibrechatDumpFiles): LibrechatInput {
  const cut = new Map<LibrechatCollection, EtlError>();
  return {
    cut,
    has: (collection) => files.has(collection),
    read: (collection, _, ctx) => read(files, cut, collection, ctx),
    close: async () => undefined,
  };
}

async function* read(
  files: LibrechatDumpFiles,
  cut: Map<LibrechatCollection, EtlError>,
  collection: LibrechatCollection,
  ctx: StageContext,
): AsyncGenerator<JsonRecords> {
  const file = files.get(collection);
  if (file === undefined) return;
  const format = file.isBson ? bsonFormat('relaxed', limits) : extendedJsonFormat('relaxed', limits);
  try {
    for await (const { json } of readRecords(file.path, format, withoutContent(ctx, collection)))
      if (json !== undefined) yield json;
  } catch (error) {
    if (!(error instanceof EtlError) || error.code !== 'ETL_SOURCE_TRUNCATED') throw error;
    cut.set(collection, error);
  }
}

/** Rejects say where a document stands and nothing of what is in it: a user's holds passwords and keys. */
function withoutContent(ctx: StageContext, collection: LibrechatCollection): StageContext {
  const reading = readingContext(ctx);
  return { ...reading, reject: (_, cause, from) => reading.reject({ collection }, cause, from) };
}
