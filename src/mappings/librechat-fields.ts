import { jsonTime } from '../formats/json-time.ts';
import type { Json } from '../json.ts';
import { fieldSlots, librechatScanner, type LibrechatField } from './librechat-scan.ts';

/** The value of a field in the text that was scanned last. */
export function jsonField(text: Buffer, name: LibrechatField): Json | undefined {
  const scanner = librechatScanner();
  const start = scanner.startOf(fieldSlots[name]);
  if (start === 0) return undefined;
  switch (text[start]) {
    case 0x74:
      return true;
    case 0x66:
      return false;
    case 0x6e:
      return null;
    default:
      return JSON.parse(text.toString('utf8', start, scanner.endOf(fieldSlots[name]))) as Json;
  }
}

/** A field that is text as a rule: without escapes it is decoded as it stands. */
export function textField(text: Buffer, name: LibrechatField): Json | undefined {
  const scanner = librechatScanner();
  const start = scanner.startOf(fieldSlots[name]);
  if (start === 0 || text[start] !== 0x22) return jsonField(text, name);
  const end = scanner.endOf(fieldSlots[name]);
  const value = text.toString('utf8', start + 1, end - 1);
  return value.includes('\\') ? (JSON.parse(text.toString('utf8', start, end)) as string) : value;
}

const objectIdBytes = '{"$oid":"0123456789abcdef01234567"}'.length;

/** An id: an ObjectId is its hex digits. */
export function idField(text: Buffer, name: LibrechatField): Json | undefined {
  const scanner = librechatScanner();
  const start = scanner.startOf(fieldSlots[name]);
  if (scanner.endOf(fieldSlots[name]) - start === objectIdBytes) {
    const value = text.toString('latin1', start, start + objectIdBytes);
    if (value.startsWith('{"$oid":"') && value.endsWith('"}')) return value.slice(9, 33);
  }
  return jsonField(text, name);
}

const listedBytes = objectIdBytes + ','.length;

/** A list of ids: of ObjectIds their hex digits. */
export function idsField(text: Buffer, name: LibrechatField): Json | undefined {
  const scanner = librechatScanner();
  const [start, end] = [scanner.startOf(fieldSlots[name]), scanner.endOf(fieldSlots[name])];
  const length = end - start - 1;
  if (length < listedBytes || length % listedBytes !== 0) return jsonField(text, name);
  const list = text.toString('latin1', start + 1, end);
  const ids: string[] = [];
  for (let at = 0; at < length; at += listedBytes) {
    if (!list.startsWith('{"$oid":"', at) || !list.startsWith('"}', at + objectIdBytes - 2))
      return jsonField(text, name);
    ids.push(list.slice(at + 9, at + 33));
  }
  return ids;
}

/** A time: in milliseconds since 1970 where it is written as it is as a rule, else as it is. */
export function timeField(text: Buffer, name: LibrechatField): Json | undefined {
  const scanner = librechatScanner();
  const start = scanner.startOf(fieldSlots[name]);
  return jsonTime(text, start, scanner.endOf(fieldSlots[name])) ?? jsonField(text, name);
}
