import { type BsonConverter, type BsonTypes, bsonErrors } from './bson-converter.ts';
import { bsonDateText, bsonDoubleText, bsonUuidText } from './bson-value-text.ts';
import { decimal128Text } from './decimal128-text.ts';
import type { JsonText } from './json-text.ts';

const MAX_DEPTH = 4096;

interface Frame {
  readonly end: number;
  readonly isArray: boolean;
  readonly isScope: boolean;
}

/** The converter in plain TypeScript. It takes no memory but that of the text. */
export class TypeScriptBsonConverter implements BsonConverter {
  errorAt = 0;

  append(out: JsonText, bytes: Buffer, start: number, end: number, types: BsonTypes): number {
    const { length, replaced } = out;
    const result = this.#document(out, bytes, start, end, types);
    if (result >= 0) return result;
    out.cutBack(length);
    out.replaced = replaced;
    return result;
  }

  #document(out: JsonText, b: Buffer, start: number, end: number, types: BsonTypes): number {
    if (end - start < 5 || b.readUInt32LE(start) !== end - start || b[end - 1] !== 0) return this.#failed('size', 0);
    const before = out.length;
    const plain = types === 'plain';
    const canonical = types === 'canonical';
    const outer: Frame[] = [];
    let frame: Frame = { end, isArray: false, isScope: false };
    let p = start + 4;
    let isFirst = true;
    out.ascii('{');

    while (true) {
      if (p >= frame.end) return this.#failed('end', p - start);
      const at = p - start;
      const type = b[p++];
      if (type === 0) {
        if (p !== frame.end) return this.#failed('end', at);
        out.ascii(frame.isArray ? ']' : frame.isScope ? '}}' : '}');
        const next = outer.pop();
        if (next === undefined) break;
        frame = next;
        isFirst = false;
        continue;
      }
      if (!isFirst) out.ascii(',');
      isFirst = false;
      const keyEnd = endOfCString(b, p);
      if (!frame.isArray) {
        out.ascii('"');
        out.text(b, p, keyEnd);
        out.ascii('":');
      }
      p = keyEnd + 1;
      if (p >= frame.end) return this.#failed('past', at);

      switch (type) {
        case 0x01:
          if (p + 8 >= frame.end) return this.#failed('past', at);
          out.ascii(bsonDoubleText(b.readDoubleLE(p), types));
          p += 8;
          break;
        case 0x02:
        case 0x0d:
        case 0x0e: {
          const length = stringLength(b, p, frame.end);
          if (length === 0) return this.#failed('string', p - start);
          if (type !== 0x02 && !plain) out.ascii(type === 0x0d ? '{"$code":' : '{"$symbol":');
          out.string(b, p, length);
          if (type !== 0x02 && !plain) out.ascii('}');
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
          out.ascii(type === 0x04 ? '[' : '{');
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
          binaryText(out, b.subarray(data, data + length), subtype, types);
          break;
        }
        case 0x06:
          out.ascii(plain ? 'null' : '{"$undefined":true}');
          break;
        case 0x07:
          if (p + 12 >= frame.end) return this.#failed('past', at);
          out.ascii(plain ? `"${b.toString('hex', p, p + 12)}"` : `{"$oid":"${b.toString('hex', p, p + 12)}"}`);
          p += 12;
          break;
        case 0x08: {
          if (p + 1 >= frame.end) return this.#failed('past', at);
          const value = b[p++] ?? 0;
          if (value > 1) return this.#failed('boolean', p - 1 - start);
          out.ascii(value === 1 ? 'true' : 'false');
          break;
        }
        case 0x09:
          if (p + 8 >= frame.end) return this.#failed('past', at);
          out.ascii(bsonDateText(b.readBigInt64LE(p), types));
          p += 8;
          break;
        case 0x0a:
          out.ascii('null');
          break;
        case 0x0b: {
          out.ascii(plain ? '"/' : '{"$regularExpression":{"pattern":"');
          const patternEnd = endOfCString(b, p);
          out.text(b, p, patternEnd);
          p = patternEnd + 1;
          if (p >= frame.end) return this.#failed('past', at);
          out.ascii(plain ? '/' : '","options":"');
          const optionsEnd = endOfCString(b, p);
          // Sorted, as the specification asks.
          const options = Buffer.from(b.subarray(p, optionsEnd)).sort();
          out.text(options, 0, options.length);
          out.ascii(plain ? '"' : '"}}');
          p = optionsEnd + 1;
          if (p >= frame.end) return this.#failed('past', at);
          break;
        }
        case 0x0c: {
          const length = stringLength(b, p, frame.end);
          if (length === 0) return this.#failed('string', p - start);
          out.ascii(plain ? '{"$ref":' : '{"$dbPointer":{"$ref":');
          out.string(b, p, length);
          p += 4 + length;
          if (p + 12 >= frame.end) return this.#failed('past', at);
          const id = b.toString('hex', p, p + 12);
          out.ascii(plain ? `,"$id":"${id}"}` : `,"$id":{"$oid":"${id}"}}}`);
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
          out.ascii('{"$code":');
          out.string(b, p, length);
          p += 4 + length;
          if (p + 5 > codeEnd || b.readUInt32LE(p) !== codeEnd - p) return this.#failed('nestedSize', p - start);
          if (outer.length === MAX_DEPTH) return this.#failed('depth', at);
          outer.push(frame);
          frame = { end: codeEnd, isArray: false, isScope: true };
          out.ascii(',"$scope":{');
          isFirst = true;
          p += 4;
          break;
        }
        case 0x10:
          if (p + 4 >= frame.end) return this.#failed('past', at);
          out.ascii(canonical ? `{"$numberInt":"${b.readInt32LE(p)}"}` : `${b.readInt32LE(p)}`);
          p += 4;
          break;
        case 0x11: {
          if (p + 8 >= frame.end) return this.#failed('past', at);
          const timestamp = `{"t":${b.readUInt32LE(p + 4)},"i":${b.readUInt32LE(p)}}`;
          out.ascii(plain ? timestamp : `{"$timestamp":${timestamp}}`);
          p += 8;
          break;
        }
        case 0x12:
          if (p + 8 >= frame.end) return this.#failed('past', at);
          out.ascii(canonical ? `{"$numberLong":"${b.readBigInt64LE(p)}"}` : `${b.readBigInt64LE(p)}`);
          p += 8;
          break;
        case 0x13:
          if (p + 16 >= frame.end) return this.#failed('past', at);
          out.ascii(plain ? `"${decimal128Text(b, p)}"` : `{"$numberDecimal":"${decimal128Text(b, p)}"}`);
          p += 16;
          break;
        case 0x7f:
          out.ascii('{"$maxKey":1}');
          break;
        case 0xff:
          out.ascii('{"$minKey":1}');
          break;
        default:
          return this.#failed('type', at);
      }
    }
    out.ascii('\n');
    return out.length - before - 1;
  }

  #failed(error: keyof typeof bsonErrors, at: number): number {
    this.errorAt = at;
    return bsonErrors[error];
  }
}

function binaryText(out: JsonText, data: Buffer, subtype: number, types: BsonTypes): void {
  const uuid = types === 'plain' ? bsonUuidText(data, subtype) : undefined;
  if (uuid !== undefined) {
    out.ascii(uuid);
    return;
  }
  out.ascii(types === 'plain' ? '"' : '{"$binary":{"base64":"');
  // It may be most of a very large document.
  out.base64(data, 0, data.length);
  out.ascii(types === 'plain' ? '"' : `","subType":"${subtype.toString(16).padStart(2, '0')}"}}`);
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
