import type { Json } from '../json.ts';

/** A document as MongoDB's Extended JSON gives it (relaxed, canonical or legacy), or with plain values instead. */
export interface Document {
  readonly [name: string]: Json | undefined;
}

/** The value as an object that is neither null nor a list. */
export function documentOf(value: Json | undefined): Document | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Document) : undefined;
}

export function listOf(value: Json | undefined): readonly Json[] | undefined {
  return Array.isArray(value) ? (value as readonly Json[]) : undefined;
}

/**
 * The one value of `{"$oid": "…"}` and the like: only where the whole object is that one member. Only for fields whose type
 * is known: what users wrote may look like this, too.
 */
function wrapped(value: Json | undefined, name: string): Json | undefined {
  const document = documentOf(value);
  if (document?.[name] === undefined) return undefined;
  return Object.keys(document).length === 1 ? document[name] : undefined;
}

/** An id as text: ObjectIds as hex, UUIDs as they are written, numbers in digits. */
export function idText(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  for (const name of ['$oid', '$uuid', '$numberLong', '$numberInt']) {
    const id = wrapped(value, name);
    if (typeof id === 'string') return id;
  }
  return undefined;
}

/** A number, from any numeric form that holds it exactly. */
export function numberOf(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  for (const name of ['$numberInt', '$numberLong', '$numberDouble']) {
    const digits = wrapped(value, name);
    if (typeof digits !== 'string') continue;
    const number = Number(digits);
    return Number.isFinite(number) && (name === '$numberDouble' || Number.isSafeInteger(number)) ? number : undefined;
  }
  return undefined;
}

const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z$/;

/**
 * A time as ISO 8601 in UTC with milliseconds, or microseconds where the text has them.
 *
 * Reads relaxed and canonical dates, the legacy `{"$date": 1700000000000}`, ISO text and milliseconds since 1970.
 */
export function timeText(value: Json | undefined): string | undefined {
  const date = wrapped(value, '$date') ?? value;
  if (typeof date === 'string') return isoText(date);
  const milliseconds = numberOf(date);
  return milliseconds === undefined ? undefined : fromMilliseconds(milliseconds);
}

function isoText(text: string): string | undefined {
  const match = isoTime.exec(text);
  if (match === null) return fromMilliseconds(Date.parse(text));
  if (Number.isNaN(Date.parse(text))) return undefined;
  const digits = match[1] ?? '';
  if (digits.length >= 3 && digits.length <= 6) return text;
  return `${text.slice(0, 19)}.${digits.slice(0, 6).padEnd(3, '0')}Z`;
}

function fromMilliseconds(milliseconds: number): string | undefined {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** Milliseconds since 1970 of an ISO time, with the microseconds as a fraction. */
export function timeNumber(time: string | undefined | null): number | undefined {
  if (time === undefined || time === null) return undefined;
  const milliseconds = Date.parse(time);
  if (Number.isNaN(milliseconds)) return undefined;
  const digits = /\.\d{3}(\d{1,3})Z$/.exec(time)?.[1];
  return digits === undefined ? milliseconds : milliseconds + Number(digits.padEnd(3, '0')) / 1000;
}

/** A stored time in milliseconds since 1970, with microseconds as a fraction: `timeNumber` of its text, and sooner. */
export function timeOf(value: Json | undefined): number | undefined {
  const isPlain = typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 8.64e15;
  return isPlain ? value : timeNumber(timeText(value));
}

/** The second in which MongoDB made an ObjectId, in milliseconds since 1970. */
export function timeOfObjectId(id: string | undefined): number | undefined {
  if (id === undefined || !/^[0-9a-f]{24}$/i.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8), 16) * 1000;
}

const manyDigits = /\d{16}/;
const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * `JSON.parse` of a document in relaxed Extended JSON that keeps every digit: whole numbers that a double cannot hold exactly
 * stay as `{"$numberLong": "…"}`.
 */
export function parseDocument(text: string): Document {
  const isExact = (part: string): boolean =>
    part.startsWith('"') || !/^-?\d+$/.test(part) || Number.isSafeInteger(Number(part));
  const exact = manyDigits.test(text)
    ? text.replace(token, (part) => (isExact(part) ? part : `{"$numberLong":"${part}"}`))
    : text;
  // What is no object has no fields: the readers of documents find none.
  return documentOf(JSON.parse(exact) as Json) ?? {};
}
