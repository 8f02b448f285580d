import type { MongodbIndex } from '../connections/mongodb.ts';

/**
 * The index that serves a read ordered by `fields`: its first fields are these, in one direction, and every document is
 * in it. Hashed, text and geographic indexes have no order.
 */
export function indexOn(indexes: readonly MongodbIndex[], fields: readonly string[]): MongodbIndex | undefined {
  return indexes.find(({ key, isLimited }) => {
    if (isLimited) return false;
    const parts = Object.entries(key);
    const directions = new Set(fields.map((_, i) => Math.sign(Number(parts[i]?.[1]))));
    const isOrdered = directions.size === 1 && !directions.has(Number.NaN) && !directions.has(0);
    return isOrdered && fields.every((field, i) => parts[i]?.[0] === field);
  });
}

/** Whether a read ordered by `fields` is served by an index. `_id` always is. */
export function hasIndexOn(indexes: readonly MongodbIndex[], fields: readonly string[]): boolean {
  return (fields.length === 1 && fields[0] === '_id') || indexOn(indexes, fields) !== undefined;
}

/** What there is to say of a read in some order; nothing where no indexes are told, or where it runs in two directions. */
export function sortServed(
  told: readonly MongodbIndex[] | undefined,
  sort: Readonly<Record<string, 1 | -1>> = {},
): string {
  if (told === undefined || new Set(Object.values(sort)).size > 1) return '';
  return hasIndexOn(told, Object.keys(sort)) ? ', served by an index' : ', which no index serves: the server sorts';
}
