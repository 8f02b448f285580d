import type { BsonWriter } from './bson-writer.ts';
import { type ExtendedJsonWrapper, extendedJsonWrappers, jsonString } from './extended-json-wrappers.ts';
import { FormatError } from './format-error.ts';
import { jsonValueEnd, skipSpace } from './json-members.ts';
import { JsonTextWriter } from './json-text-writer.ts';
import { writeJsonNumber } from './write-json-number.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const DOLLAR = 0x24;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
// As deep as `bsonToJson` reads.
const maxDepth = 4096;
// What a MongoDB server stores at most.
const maxDocumentBytes = 16 * 1024 * 1024;
// More than any element needs beyond the bytes it has in JSON: its type, an index as its name, a value of fixed size.
const elementBytes = 64;
const shownBytes = 60;
const longestPath = 200;
const CODE = '$code';
const SCOPE = '$scope';

/** A document, an array or a scope that is open. The same object serves the next one on its level. */
interface Frame {
  /** Where its length stands. */
  place: number;
  /** Where the element stands that it is the value of: its type, then its name. */
  element: number;
  /** Number of the next element of an array, -1 in a document. */
  index: number;
  /** Whether a name with `$` can make it another type than a document: not the record itself, and not a scope. */
  mayBeWrapper: boolean;
  /** Of a scope: where the length of its code stands, and where the JSON goes on if that is known; -1 otherwise. */
  codePlace: number;
  next: number;
}

/** A name and where its value begins. */
interface Member {
  readonly name: string;
  readonly start: number;
}

/** Writes documents as they stand in JSON text: walks over it once, without recursion; see `jsonToBson`. */
export class BsonDocumentEncoder {
  readonly #json: Buffer;
  readonly #writer: BsonWriter;
  readonly #texts: JsonTextWriter;
  readonly #frames: Frame[] = [];
  #depth = 0;
  /** Where the element stands that is being written. */
  #element = 0;

  /** `json` is valid. */
  constructor(json: Buffer, writer: BsonWriter) {
    this.#json = json;
    this.#writer = writer;
    this.#texts = new JsonTextWriter(json, writer);
  }

  /**
   * Writes the document that stands from `start` to `end`.
   *
   * @throws {FormatError} with the offset in the JSON; what was written of the document is the caller's to cut off.
   */
  encode(start: number, end: number): void {
    const json = this.#json;
    const writer = this.#writer;
    const first = writer.length;
    if (json[start] !== OPEN_OBJECT) {
      throw new FormatError(`expected an object, found ${this.#shown(start, end)}`, { offset: start });
    }
    this.#depth = 0;
    this.#element = first;
    writer.reserve(end - start + elementBytes);
    let at = this.#open(start + 1, 0x03);
    while (this.#depth > 0 && writer.length - first <= maxDocumentBytes) {
      at = skipSpace(json, at);
      const byte = json[at];
      if (byte === COMMA) at += 1;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) at = this.#close(at + 1);
      else {
        writer.reserve(end - at + elementBytes);
        at = this.#value(this.#name(at));
      }
    }
    if (writer.length - first > maxDocumentBytes) {
      const reason = `the document is larger than ${maxDocumentBytes} bytes, the most that MongoDB stores`;
      throw new FormatError(reason, { offset: start });
    }
  }

  /** Writes an element's name, behind room for its type; gives the place of its value. */
  #name(at: number): number {
    const json = this.#json;
    const writer = this.#writer;
    const frame = this.#frames[this.#depth - 1] as Frame;
    this.#element = writer.length;
    writer.byte(0);
    if (frame.index >= 0) {
      writer.index(frame.index++);
      return at;
    }
    const from = writer.length;
    const nameEnd = this.#texts.write(at + 1);
    const to = writer.length;
    writer.byte(0);
    const { buffer } = writer;
    // Only an escape stands for NUL, and escapes are longer than what they stand for.
    if (to - from < nameEnd - at - 1 && buffer.subarray(from, to).includes(0)) this.#fail(at, 'a name holds NUL');
    if (buffer[from] === DOLLAR && frame.mayBeWrapper) {
      const name = buffer.toString('utf8', from, to);
      if (isSpecial(name)) this.#failBeside(at, name);
    }
    return skipSpace(json, skipSpace(json, nameEnd + 1) + 1);
  }

  /** Writes an element's value and type; gives the place behind it, or inside when it is a document or an array. */
  #value(at: number): number {
    const json = this.#json;
    const writer = this.#writer;
    const byte = json[at];
    if (byte === QUOTE) {
      writer.buffer[this.#element] = 0x02;
      return this.#string(at);
    }
    if (byte === OPEN_OBJECT) return this.#object(at);
    if (byte === OPEN_LIST) return this.#open(at + 1, 0x04);
    const end = jsonValueEnd(json, at);
    let type = 0x0a;
    if (byte === 0x74 || byte === 0x66) {
      writer.byte(byte === 0x74 ? 1 : 0);
      type = 0x08;
    } else if (byte !== 0x6e) {
      type = writeJsonNumber(json, at, end, writer);
      if (type === 0) this.#fail(at, `expected a number that a double can hold, found ${this.#shown(at, end)}`);
    }
    writer.buffer[this.#element] = type;
    return end;
  }

  #string(at: number): number {
    const writer = this.#writer;
    const place = writer.placeInt32();
    const end = this.#texts.write(at + 1);
    writer.byte(0);
    writer.setInt32(place, writer.length - place - 4);
    return end + 1;
  }

  /** A document, or one of the types that are written as an object. */
  #object(at: number): number {
    const json = this.#json;
    const first = skipSpace(json, at + 1);
    if (json[first] === QUOTE && (json[first + 1] === DOLLAR || json[first + 1] === BACKSLASH)) {
      const member = memberAt(json, first);
      if (member.name === CODE || member.name === SCOPE) return this.#code(at, member);
      const wrapper = extendedJsonWrappers.get(member.name);
      if (wrapper !== undefined) return this.#wrapped(member, wrapper);
    }
    return this.#open(at + 1, 0x03);
  }

  #wrapped({ name, start }: Member, { type, expects, write }: ExtendedJsonWrapper): number {
    const json = this.#json;
    const end = jsonValueEnd(json, start);
    if (!write(json, start, end, this.#writer)) {
      this.#fail(start, `expected ${expects} for "${name}", found ${this.#shown(start, end)}`);
    }
    this.#writer.buffer[this.#element] = type;
    return this.#wrapperEnd(end, name);
  }

  /** Code, or the beginning of code with a scope: both orders, as the specification asks. */
  #code(at: number, first: Member): number {
    const json = this.#json;
    const writer = this.#writer;
    const end = skipSpace(json, jsonValueEnd(json, first.start));
    const second = json[end] === COMMA ? memberAt(json, skipSpace(json, end + 1)) : undefined;
    const [code, scope] = first.name === CODE ? [first, second] : [second, first];
    const isScope = scope === undefined || (scope.name === SCOPE && json[scope.start] === OPEN_OBJECT);
    if (code?.name !== CODE || json[code.start] !== QUOTE || !isScope) {
      const found = this.#shown(at, jsonValueEnd(json, at));
      return this.#fail(at, `expected {"$code":"…"} or {"$code":"…","$scope":{…}}, found ${found}`);
    }
    if (scope === undefined) {
      writer.buffer[this.#element] = 0x0d;
      this.#string(code.start);
      return end + 1;
    }
    const codePlace = writer.placeInt32();
    this.#string(code.start);
    const next = scope === first ? this.#wrapperEnd(jsonValueEnd(json, code.start), CODE) : -1;
    return this.#open(scope.start + 1, 0x0f, { codePlace, next });
  }

  /** The place behind an object whose last value ends at `at`. */
  #wrapperEnd(at: number, name: string): number {
    const last = skipSpace(this.#json, at);
    if (this.#json[last] !== CLOSE_OBJECT) this.#failBeside(last, name);
    return last + 1;
  }

  /** Begins what is closed by a bracket; the JSON goes on at `at`. A scope is told where its code's length stands. */
  #open(at: number, type: number, scope?: { readonly codePlace: number; readonly next: number }): number {
    const writer = this.#writer;
    if (this.#depth > maxDepth) this.#fail(at - 1, `nested deeper than ${maxDepth} levels`);
    let frame = this.#frames[this.#depth];
    if (frame === undefined) {
      frame = { place: 0, element: 0, index: 0, mayBeWrapper: false, codePlace: 0, next: 0 };
      this.#frames.push(frame);
    }
    // The record itself has no type before it.
    if (this.#depth > 0) writer.buffer[this.#element] = type;
    frame.element = this.#element;
    frame.index = type === 0x04 ? 0 : -1;
    frame.mayBeWrapper = this.#depth > 0 && type === 0x03;
    frame.codePlace = scope?.codePlace ?? -1;
    frame.next = scope?.next ?? -1;
    frame.place = writer.placeInt32();
    this.#depth += 1;
    return at;
  }

  /** Ends what was opened last; gives the place where the JSON goes on. */
  #close(at: number): number {
    const writer = this.#writer;
    this.#depth -= 1;
    const { place, element, codePlace, next } = this.#frames[this.#depth] as Frame;
    writer.byte(0);
    writer.setInt32(place, writer.length - place);
    if (codePlace < 0) return at;
    writer.setInt32(codePlace, writer.length - codePlace);
    this.#element = element;
    return next < 0 ? this.#wrapperEnd(at, CODE) : next;
  }

  #failBeside(at: number, name: string): never {
    return this.#fail(at, `"${name}" must not have other names beside it`);
  }

  #fail(at: number, reason: string): never {
    throw new FormatError(`${JSON.stringify(this.#path())}: ${reason}`, { offset: at });
  }

  /** The names that lead to the element being written. */
  #path(): string {
    const elements = [...this.#frames.slice(1, this.#depth).map(({ element }) => element), this.#element];
    const path = elements.map((element) => this.#nameOf(element)).join('.');
    return path.length > longestPath ? `${path.slice(0, longestPath)}…` : path;
  }

  #nameOf(element: number): string {
    const { buffer } = this.#writer;
    return buffer.toString('utf8', element + 1, buffer.indexOf(0, element + 1));
  }

  #shown(start: number, end: number): string {
    const text = this.#json.toString('utf8', start, Math.min(end, start + shownBytes));
    return end - start > shownBytes ? `${text}…` : text;
  }
}

function memberAt(json: Buffer, at: number): Member {
  const nameEnd = jsonValueEnd(json, at);
  return { name: jsonString(json, at, nameEnd) ?? '', start: skipSpace(json, skipSpace(json, nameEnd) + 1) };
}

function isSpecial(name: string): boolean {
  return name === CODE || name === SCOPE || extendedJsonWrappers.has(name);
}
