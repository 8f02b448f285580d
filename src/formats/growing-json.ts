import { eachJsonMember, jsonContainerEnd, jsonValueEnd, skipSpace, type JsonRange } from './json-members.ts';

const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const QUOTE = 0x22;

/**
 * An object as text, of several that mostly have what the one before has, and some more: the states of a chat.
 *
 * Many of them may have to be kept until they are read, so they are small: three numbers a member, and its name, mostly in one
 * list for all.
 */
export interface GrowingObject extends JsonRange {
  /** None for what is no object, and for one in which a name stands twice. */
  readonly names: readonly string[];
  /**
   * Of each member where its value starts and ends, and from where on it is new: from its start on; nowhere, which is its end;
   * or in between, for elements of a list behind those of the list of this name in the object before.
   */
  readonly places: readonly number[];
}

const none: readonly never[] = [];

/**
 * Finds what of an object is new, by comparing bytes: what stands in the object before is not looked at.
 *
 * @param start Where the value begins, in valid JSON.
 * @param before The object before, in the same bytes.
 */
export function growingObject(bytes: Buffer, start: number, before: GrowingObject | undefined): GrowingObject {
  if (bytes[start] !== OPEN_OBJECT) return { start, end: jsonValueEnd(bytes, start), names: none, places: none };
  const old = before?.names ?? none;
  const names: string[] = [];
  const places: number[] = [];
  let newAt = 0;
  const end = eachJsonMember(
    bytes,
    start,
    bytes.length,
    (name, from, to) => {
      names.push(name);
      places.push(from, to, newAt);
    },
    (name, from) => {
      const index = old[names.length] === name ? names.length : old.indexOf(name);
      const oldFrom = before?.places[index * 3] ?? 0;
      const oldTo = before?.places[index * 3 + 1] ?? 0;
      const to = index < 0 ? undefined : repeatedEnd(bytes, from, oldFrom, oldTo);
      newAt = to ?? from;
      if (to === undefined) return jsonValueEnd(bytes, from);
      // Only of a list there may be a rest.
      return bytes[from] === OPEN_LIST && bytes[to - 1] !== CLOSE_LIST ? jsonContainerEnd(bytes, to) : to;
    },
  );
  if (names.length === old.length && names.every((name, index) => name === old[index]))
    return { start, end, names: old, places };
  const isPlain = new Set(names).size === names.length;
  return isPlain ? { start, end, names, places } : { start, end, names: none, places: none };
}

/** JSON text in which what is known already is left out, to be parsed in one go. */
export class ShorterText {
  readonly #bytes: Buffer;
  #text = '';
  #from: number;

  /** @param from Where the text begins. */
  constructor(bytes: Buffer, from: number) {
    this.#bytes = bytes;
    this.#from = from;
  }

  /** A value is left out: a zero stands in its place. */
  leaveOut({ start, end }: JsonRange): void {
    this.#text += `${this.#bytes.toString('utf8', this.#from, start)}0`;
    this.#from = end;
  }

  /** What an object has from the one before is left out: `complete` puts it in again. */
  leaveOutRepeated({ names, places }: GrowingObject): void {
    for (let at = 0; at < names.length * 3; at += 3) {
      const [start = 0, end = 0, newAt = 0] = [places[at], places[at + 1], places[at + 2]];
      if (newAt === end) this.leaveOut({ start, end });
      else if (newAt > start) {
        this.#text += this.#bytes.toString('utf8', this.#from, start + 1);
        this.#from = newAt;
      }
    }
  }

  /** The whole text, up to here. */
  upTo(end: number): string {
    return this.#text + this.#bytes.toString('utf8', this.#from, end);
  }
}

/** Puts into an object what was left out of its text, from the one before: values that are the same are one value. */
export function complete(
  object: Record<string, unknown>,
  { names, places }: GrowingObject,
  before: Readonly<Record<string, unknown>>,
): void {
  for (const [index, name] of names.entries()) {
    const [start = 0, end = 0, newAt = 0] = [places[index * 3], places[index * 3 + 1], places[index * 3 + 2]];
    if (newAt === end) object[name] = before[name];
    else if (newAt > start) object[name] = (before[name] as unknown[]).concat(object[name] as unknown[]);
  }
}

/** Whether the value at `at` is, byte for byte, the one in the other text: an object, a list or a string. */
export function isSameText(bytes: Buffer, at: number, other: Buffer, { start, end }: JsonRange): boolean {
  return endsItself(other[start]) && isRepeated(bytes, at, other, start, end);
}

/**
 * The end of what the value at `at` has from the old one: all of it, or the elements of a list up to where the next one
 * begins; nothing when it is another value.
 */
function repeatedEnd(bytes: Buffer, at: number, oldStart: number, oldEnd: number): number | undefined {
  const length = oldEnd - oldStart;
  if (bytes[at] !== OPEN_LIST || bytes[oldStart] !== OPEN_LIST) {
    if (!isRepeated(bytes, at, bytes, oldStart, oldEnd)) return undefined;
    return endsItself(bytes[at]) || isBehindValue(bytes[at + length]) ? at + length : undefined;
  }
  // Without the bracket that closes it: the last element is whole when a comma or a bracket comes behind it.
  if (!isRepeated(bytes, at, bytes, oldStart, oldEnd - 1)) return undefined;
  const next = skipSpace(bytes, at + length - 1);
  if (bytes[next] === CLOSE_LIST) return next + 1;
  return bytes[next] === COMMA ? skipSpace(bytes, next + 1) : undefined;
}

function isRepeated(bytes: Buffer, at: number, other: Buffer, start: number, end: number): boolean {
  const to = at + end - start;
  return to <= bytes.length && bytes.compare(other, start, end, at, to) === 0;
}

/** Whether a value that begins so ends with its last byte, whatever comes behind it. */
function endsItself(first: number | undefined): boolean {
  return first === OPEN_OBJECT || first === OPEN_LIST || first === QUOTE;
}

function isBehindValue(byte: number | undefined): boolean {
  return byte === undefined || byte <= 0x20 || byte === COMMA || byte === CLOSE_LIST || byte === 0x7d;
}
