import { type BsonConverter, type BsonTypes, bsonErrors } from './bson-converter.ts';
import { bsonBinaryText, bsonDateText, bsonDoubleText } from './bson-value-text.ts';
import { decimal128Text } from './decimal128-text.ts';
import { JsonText } from './json-text.ts';

const MAX_DEPTH = 4096;

interface Frame {
  readonly end: number;
  readonly isArray: boolean;
  readonly isScope: boolean;
}

/** The converter in plain TypeScript; with `repair` it also replaces what is not UTF-8 by U+FFFD and counts it. */
export class TypeScriptBsonConverter implements BsonConverter {
  errorAt = 0;
  readonly #out: JsonText;
  #types: BsonTypes = 'plain';

  constructor({ repair = false } = {}) {
    this.#out = new JsonText({ repair });
  }

  get bytes(): Buffer {
    return this.#out.bytes;
  }

  /** Strings that held invalid UTF-8, since the beginning. */
  get replaced(): number {
    return this.#out.replaced;
  }

  set replaced(strings: number) {
    this.#out.replaced = strings;
  }

  convert(bytes: Buffer, start: number, end: number, types: BsonTypes): number {
    this.#types = types;
    this.#out.clear();
    const result = this.#document(bytes, start, end);
    this.#out.shrink();
    return result;
  }

  #document(b: Buffer, start: number, end: number): number {
    if (end - start < 5 || b.readUInt32LE(start) !== end - start || b[end - 1] !== 0) return this.#failed('size', 0);
    const plain = this.#types === 'plain';
    const canonical = this.#types === 'canonical';
    const outer: Frame[] = [];
    let frame: Frame = { end, isArray: false, isScope: false };
    let p = start + 4;
    let isFirst = true;
    this.#out.ascii('{');

    while (true) {
      if (p >= frame.end) return this.#failed('end', p - start);
      const at = p - start;
      const type = b[p++];
      if (type === 0) {
        if (p !== frame.end) return this.#failed('end', at);
        this.#out.ascii(frame.isArray ? ']' : frame.isScope ? '}}' : '}');
        const next = outer.pop();
        if (next === undefined) break;
        frame = next;
        isFirst = false;
        continue;
      }
      if (!isFirst) this.#out.ascii(',');
      isFirst = false;
      const keyEnd = endOfCString(b, p);
      if (!frame.isArray) {
        this.#out.ascii('"');
        this.#out.text(b, p, keyEnd);
        this.#out.ascii('":');
      }
      p = keyEnd + 1;
      if (p >= frame.end) return this.#failed('past', at);

      switch (type) {
        case 0x01:
          if (p + 8 >= frame.end) return this.#failed('past', at);
          this.#out.ascii(bsonDoubleText(b.readDoubleLE(p), this.#types));
          p += 8;
          break;
        case 0x02:
        case 0x0d:
        case 0x0e: {
          const length = stringLength(b, p, frame.end);
          if (length === 0) return this.#failed('string', p - start);
          if (type !== 0x02 && !plain) this.#out.ascii(type === 0x0d ? '{"$code":' : '{"$symbol":');
          this.#out.string(b, p, length);
          if (type !== 0x02 && !plain) this.#out.ascii('}');
          p += 4 + length;
          break;
        }
        case 0x03:
        case 0x04: {
          if (p + 4 >= frame.end) return this.#failed('past', at);
          const size = b.readUInt32LE(p);
          if (size < 5 || size >= frame.end - p) return this.#failed('nestedSize', p - start);
          if (outer.length === MAX_DEPTH) return this.#failed('depth', at);
          outer.push(frame);
          frame = { end: p + size, isArray: type === 0x04, isScope: false };
          this.#out.ascii(type === 0x04 ? '[' : '{');
          isFirst = true;
          p += 4;
          break;
        }
        case 0x05: {
          if (p + 5 >= frame.end) return this.#failed('past', at);
          let length = b.readUInt32LE(p);
          if (length >= frame.end - p - 5) return this.#failed('binary', p - start);
          const subtype = b[p + 4] ?? 0;
          let data = p + 5;
          p = data + length;
          if (subtype === 2) {
            // The old form has its length a second time inside.
            if (length < 4 || b.readUInt32LE(data) !== length - 4) return this.#failed('binary', data - start);
            data += 4;
            length -= 4;
          }
          this.#out.ascii(bsonBinaryText(b, data, length, subtype, this.#types));
          break;
        }
        case 0x06:
          this.#out.ascii(plain ? 'null' : '{"$undefined":true}');
          break;
        case 0x07:
          if (p + 12 >= frame.end) return this.#failed('past', at);
          this.#out.ascii(plain ? `"${b.toString('hex', p, p + 12)}"` : `{"$oid":"${b.toString('hex', p, p + 12)}"}`);
          p += 12;
          break;
        case 0x08: {
          if (p + 1 >= frame.end) return this.#failed('past', at);
          const value = b[p++] ?? 0;
          if (value > 1) return this.#failed('boolean', p - 1 - start);
          this.#out.ascii(value === 1 ? 'true' : 'false');
          break;
        }
        case 0x09:
          if (p + 8 >= frame.end) return this.#failed('past', at);
          this.#out.ascii(bsonDateText(b.readBigInt64LE(p), this.#types));
          p += 8;
          break;
        case 0x0a:
          this.#out.ascii('null');
          break;
        case 0x0b: {
          this.#out.ascii(plain ? '"/' : '{"$regularExpression":{"pattern":"');
          const patternEnd = endOfCString(b, p);
          this.#out.text(b, p, patternEnd);
          p = patternEnd + 1;
          if (p >= frame.end) return this.#failed('past', at);
          this.#out.ascii(plain ? '/' : '","options":"');
          const optionsEnd = endOfCString(b, p);
          // Sorted, as the specification asks.
          const options = Buffer.from(b.subarray(p, optionsEnd)).sort();
          this.#out.text(options, 0, options.length);
          this.#out.ascii(plain ? '"' : '"}}');
          p = optionsEnd + 1;
          if (p >= frame.end) return this.#failed('past', at);
          break;
        }
        case 0x0c: {
          const length = stringLength(b, p, frame.end);
          if (length === 0) return this.#failed('string', p - start);
          this.#out.ascii(plain ? '{"$ref":' : '{"$dbPointer":{"$ref":');
          this.#out.string(b, p, length);
          p += 4 + length;
          if (p + 12 >= frame.end) return this.#failed('past', at);
          const id = b.toString('hex', p, p + 12);
          this.#out.ascii(plain ? `,"$id":"${id}"}` : `,"$id":{"$oid":"${id}"}}}`);
          p += 12;
          break;
        }
        case 0x0f: {
          if (p + 4 >= frame.end) return this.#failed('past', at);
          const size = b.readUInt32LE(p);
          if (size < 14 || size >= frame.end - p) return this.#failed('nestedSize', p - start);
          const codeEnd = p + size;
          p += 4;
          const length = stringLength(b, p, codeEnd);
          if (length === 0) return this.#failed('string', p - start);
          this.#out.ascii('{"$code":');
          this.#out.string(b, p, length);
          p += 4 + length;
          if (p + 5 > codeEnd || b.readUInt32LE(p) !== codeEnd - p) return this.#failed('nestedSize', p - start);
          if (outer.length === MAX_DEPTH) return this.#failed('depth', at);
          outer.push(frame);
          frame = { end: codeEnd, isArray: false, isScope: true };
          this.#out.ascii(',"$scope":{');
          isFirst = true;
          p += 4;
          break;
        }
        case 0x10:
          if (p + 4 >= frame.end) return this.#failed('past', at);
          this.#out.ascii(canonical ? `{"$numberInt":"${b.readInt32LE(p)}"}` : `${b.readInt32LE(p)}`);
          p += 4;
          break;
        case 0x11: {
          if (p + 8 >= frame.end) return this.#failed('past', at);
          const timestamp = `{"t":${b.readUInt32LE(p + 4)},"i":${b.readUInt32LE(p)}}`;
          this.#out.ascii(plain ? timestamp : `{"$timestamp":${timestamp}}`);
          p += 8;
          break;
        }
        case 0x12:
          if (p + 8 >= frame.end) return this.#failed('past', at);
          this.#out.ascii(canonical ? `{"$numberLong":"${b.readBigInt64LE(p)}"}` : `${b.readBigInt64LE(p)}`);
          p += 8;
          break;
        case 0x13:
          if (p + 16 >= frame.end) return this.#failed('past', at);
          this.#out.ascii(plain ? `"${decimal128Text(b, p)}"` : `{"$numberDecimal":"${decimal128Text(b, p)}"}`);
          p += 16;
          break;
        case 0x7f:
          this.#out.ascii('{"$maxKey":1}');
          break;
        case 0xff:
          this.#out.ascii('{"$minKey":1}');
          break;
        default:
          return this.#failed('type', at);
      }
    }
    this.#out.ascii('\n');
    return this.#out.length - 1;
  }

  #failed(error: keyof typeof bsonErrors, at: number): number {
    this.errorAt = at;
    return bsonErrors[error];
  }
}

/** The length of the string at p with its NUL, 0 when it is wrong or does not fit before `end`. */
function stringLength(b: Buffer, p: number, end: number): number {
  if (p + 4 >= end) return 0;
  const length = b.readUInt32LE(p);
  if (length === 0 || length >= end - p - 4) return 0;
  return b[p + 4 + length - 1] === 0 ? length : 0;
}

/** Where the NUL is; there is one, because every document ends with it. */
function endOfCString(b: Buffer, p: number): number {
  while (b[p] !== 0) p++;
  return p;
}
