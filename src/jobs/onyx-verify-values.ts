import { hash } from 'node:crypto';

import { storableText } from '../formats/postgres-text.ts';
import type { Json } from '../json.ts';

/** Text as PostgreSQL holds it. */
export function plain(text: string | null): string | null {
  return text === null ? null : storableText(text, 'strip', () => undefined);
}

/** JSON as PostgreSQL holds it. */
export function storable(value: Json): Json {
  if (typeof value === 'string') return plain(value);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(storable);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [plain(name) ?? '', storable(item)]));
}

/** SHA-256 of a text, hex. */
export function digestOf(text: string): string {
  return hash('sha256', text);
}

/** The same in SQL, of a column. */
export const digestSql = (column: string): string => `encode(sha256(convert_to(${column}, 'UTF8')), 'hex')`;
