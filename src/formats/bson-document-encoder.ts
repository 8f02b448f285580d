import type { BsonWriter } from './bson-writer.ts';
import { type ExtendedJsonWrapper, extendedJsonWrappers, jsonString } from './extended-json-wrappers.ts';
import { FormatError } from './format-error.ts';
import { jsonValueEnd, skipSpace } from './json-members.ts';
import { JsonTextWriter } from './json-text-writer.ts';
import { type CodeOfScope, OpenDocuments } from './open-documents.ts';
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
const types = {
  string: 0x02,
  document: 0x03,
  array: 0x04,
  boolean: 0x08,
  null: 0x0a,
  code: 0x0d,
  codeWithScope: 0x0f,
} as const;
const CODE = '$code';
const SCOPE = '$scope';

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
  readonly #open: OpenDocuments;
  /** Where the element stands that is being written. */
  #element = 0;

  /** `json` is valid. */
  constructor(json: Buffer, writer: BsonWriter) {
    this.#json = json;
    this.#writer = writer;
    this.#texts = new JsonTextWriter(json, writer);
    this.#open = new OpenDocuments(writer);
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
    this.#element = first;
    this.#open.reset();
    writer.reserve(end - start + elementBytes);
    let at = this.#begin(start + 1, types.document);
    while (this.#open.depth > 0 && writer.length - first <= maxDocumentBytes) {
      at = skipSpace(json, at);
      const byte = json[at];
      if (byte === COMMA) at += 1;
      else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) at = this.#end(at + 1);
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
    const document = this.#open.innermost;
    this.#element = writer.length;
    writer.byte(0);
    if (document.index >= 0) {
      writer.index(document.index++);
      return at;
    }
    const from = writer.length;
    const nameEnd = this.#texts.write(at + 1);
    const to = writer.length;
    writer.byte(0);
    const { buffer } = writer;
    // Only an escape stands for NUL, and escapes are longer than what they stand for.
    if (to - from < nameEnd - at - 1 && buffer.subarray(from, to).includes(0)) this.#fail(at, 'a name holds NUL');
    // The record itself and a scope are documents whatever is in them.
    if (buffer[from] === DOLLAR && this.#open.depth > 1 && document.code === undefined) {
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
      writer.buffer[this.#element] = types.string;
      return this.#string(at);
    }
    if (byte === OPEN_OBJECT) return this.#object(at);
    if (byte === OPEN_LIST) return this.#begin(at + 1, types.array);
    const end = jsonValueEnd(json, at);
    let type: number = types.null;
    if (byte === 0x74 || byte === 0x66) {
      writer.byte(byte === 0x74 ? 1 : 0);
      type = types.boolean;
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
    return this.#begin(at + 1, types.document);
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
      writer.buffer[this.#element] = types.code;
      this.#string(code.start);
      return end + 1;
    }
    const place = writer.placeInt32();
    this.#string(code.start);
    const next = scope === first ? this.#wrapperEnd(jsonValueEnd(json, code.start), CODE) : -1;
    return this.#begin(scope.start + 1, types.codeWithScope, { place, next });
  }

  /** The place behind an object whose last value ends at `at`. */
  #wrapperEnd(at: number, name: string): number {
    const last = skipSpace(this.#json, at);
    if (this.#json[last] !== CLOSE_OBJECT) this.#failBeside(last, name);
    return last + 1;
  }

  /** Begins what is closed by a bracket; the JSON goes on at `at`. */
  #begin(at: number, type: number, code?: CodeOfScope): number {
    if (this.#open.depth > maxDepth) this.#fail(at - 1, `nested deeper than ${maxDepth} levels`);
    this.#open.open(this.#element, type, code);
    return at;
  }

  /** Ends what was begun last; gives the place where the JSON goes on. */
  #end(at: number): number {
    const { element, code } = this.#open.close();
    if (code === undefined) return at;
    this.#element = element;
    return code.next < 0 ? this.#wrapperEnd(at, CODE) : code.next;
  }

  #failBeside(at: number, name: string): never {
    return this.#fail(at, `"${name}" must not have other names beside it`);
  }

  #fail(at: number, reason: string): never {
    throw new FormatError(`${JSON.stringify(this.#open.pathTo(this.#element))}: ${reason}`, { offset: at });
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
