import { BSON, EJSON } from 'bson';

import { EtlError } from '../errors.ts';
import { encodeJsonRecords } from '../formats/json-records.ts';
import { jsonToBson } from '../formats/json-to-bson.ts';
import type { Json } from '../json.ts';

/** A filter as it is written down, and as the driver takes it. */
export interface QueryFilter {
  readonly text: Json;
  readonly query: Readonly<Record<string, unknown>>;
}

/**
 * A filter of Extended JSON (from YAML), of values of the bson package (from TypeScript), or of both. `where` is what the
 * error names.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID` for a special type in a wrong form.
 */
export function queryFilter(filter: Readonly<Record<string, unknown>>, where: string): QueryFilter {
  try {
    const text = EJSON.serialize(filter, { relaxed: false }) as Json;
    return { text, query: queryOf(text) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EtlError('ETL_CONFIG_INVALID', `"filter" is no Extended JSON: ${reason}`, {
      where: { file: where },
      hint: 'A date is written { $date: "2025-01-31T00:00:00Z" }, an id { $oid: "65f0c0ffee0000000000000a" }.',
      cause,
    });
  }
}

/** As the driver takes it. It must say to the server what the text says: a date that is none would be sent as 1970. */
function queryOf(text: Json): Record<string, unknown> {
  const { documents, bad } = jsonToBson(encodeJsonRecords([text]));
  if (bad[0] !== undefined) throw new Error(bad[0].reason);
  const query = BSON.deserialize(documents.bytes, { promoteValues: false, promoteBuffers: false, bsonRegExp: true });
  if (!Buffer.from(documents.bytes).equals(BSON.serialize(query))) {
    throw new Error(
      'it holds a value that the driver cannot send: a date beyond the year 275760, or a deprecated type',
    );
  }
  return query;
}
