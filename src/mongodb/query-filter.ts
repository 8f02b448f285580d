import { EJSON } from 'bson';

import { EtlError } from '../errors.ts';
import { extendedJsonToBson } from '../formats/extended-json-to-bson.ts';
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
    // A date that is none would be sent as 1970, and nearly everything is later than that.
    extendedJsonToBson(JSON.stringify(text));
    return { text, query: EJSON.deserialize(text as object, { relaxed: false }) as Record<string, unknown> };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EtlError('ETL_CONFIG_INVALID', `"filter" is no Extended JSON: ${reason}`, {
      where: { file: where },
      hint: 'A date is written { $date: "2025-01-31T00:00:00Z" }, an id { $oid: "65f0c0ffee0000000000000a" }.',
      cause,
    });
  }
}
