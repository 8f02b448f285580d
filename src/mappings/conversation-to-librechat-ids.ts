import { createHash } from 'node:crypto';

import type { Json } from '../json.ts';
import { timeNumber } from '../models/extended-json.ts';

/** What LibreChat writes as the parent of a first message. */
export const NO_PARENT = '00000000-0000-0000-0000-000000000000';

/** An ObjectId as Extended JSON: the given one, or one made of a time, a name and a place, the same every time. */
export function objectId(known: string | undefined, of: { time: string | null; name: string; place?: number }): Json {
  if (known !== undefined && /^[0-9a-f]{24}$/.test(known)) return { $oid: known };
  const seconds = Math.min(0xffffffff, Math.max(0, Math.floor((timeNumber(of.time) ?? 0) / 1000)));
  // Ids of one time are in the order of their places: LibreChat's messages have no other order then.
  const place = (of.place ?? 0).toString(16).padStart(6, '0').slice(-6);
  return { $oid: seconds.toString(16).padStart(8, '0') + digest(of.name).slice(0, 10) + place };
}

/** The id as it is when LibreChat takes it (a UUID), else a UUID made of it, the same every time. */
export function conversationIdOf(id: string, key: string): string {
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(id)) return id;
  const hex = digest(key);
  // Version 8, for ids of one's own making: RFC 9562 §5.8.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A time as Extended JSON; MongoDB keeps milliseconds. Nothing when there is none. */
export function dateOf(time: string | null | undefined): Json | undefined {
  const milliseconds = timeNumber(time);
  if (milliseconds === undefined) return undefined;
  const whole = Math.floor(milliseconds);
  const date = new Date(whole);
  const year = date.getUTCFullYear();
  return { $date: year >= 1970 && year <= 9999 ? date.toISOString() : { $numberLong: String(whole) } };
}

/** Whether a time says more than milliseconds. */
export function isFiner(time: string | null | undefined): boolean {
  return /\.\d{3}\d*[1-9]\d*Z$/.test(time ?? '');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
