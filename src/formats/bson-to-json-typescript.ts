import { isUtf8 } from 'node:buffer';
import { type BsonConverter, type BsonTypes, bsonErrors, doubleText } from './bson-converter.ts';
import { decimal128Text } from './decimal128-text.ts';

const MAX_DEPTH = 4096;
const YEAR_1 = -62_135_596_800_000n;
const YEAR_10000 = 253_402_300_800_000n;

// For each byte: 0 as it is, 1 to be written as \u00xx, else the letter after the backslash.
const escapes = new Uint8Array(256);
escapes.fill(1, 0, 0x20);
for (const [c, letter] of [
  ['"', '"'],
  ['\\', '\\'],
  ['\n', 'n'],
  ['\r', 'r'],
  ['\t', 't'],
  ['\b', 'b'],
  ['\f', 'f'],
] as const) {
  escapes[c.charCodeAt(0)] = letter.charCodeAt(0);
}
const HEX = Buffer.from('0123456789abcdef');

interface Frame {
  readonly end: number;
  readonly isArray: boolean;
  readonly isScope: boolean;
}

/** The converter in plain TypeScript; with `repair` it also replaces what is not UTF-8 by U+FFFD and counts it. */
export class TypeScriptBsonConverter implements BsonConverter {
  errorAt = 0;
  /** Strings that held invalid UTF-8, since the beginning. */
  replaced = 0;
  private readonly repair: boolean;
  private out: Buffer = Buffer.allocUnsafeSlow(65_536);
  private used = 0;
  private types: BsonTypes = 'plain';

  constructor({ repair = false } = {}) {
    this.repair = repair;
  }

  get bytes(): Buffer {
    return this.out;
  }

  convert(bytes: Buffer, start: number, end: number, types: BsonTypes): number {
    this.types = types;
    this.used = 0;
    const result = this.document(bytes, start, end);
    if (this.out.length > 4_194_304 && this.used < 1_048_576) {
      // One very long document should not hold its memory for ever.
      this.out = Buffer.from(this.out.subarray(0, Math.max(65_536, this.used)));
    }
    return result;
  }

  private document(b: Buffer, start: number, end: number): number {
    if (end - start < 5 || b.readUInt32LE(start) !== end - start || b[end - 1] !== 0) return this.failed('size', 0);
    const plain = this.types === 'plain';
    const canonical = this.types === 'canonical';
    const outer: Frame[] = [];
    let frame: Frame = { end, isArray: false, isScope: false };
    let p = start + 4;
    let isFirst = true;
    this.ascii('{');

    while (true) {
      if (p >= frame.end) return this.failed('end', p - start);
      const at = p - start;
      const type = b[p++];
      if (type === 0) {
        if (p !== frame.end) return this.failed('end', at);
        this.ascii(frame.isArray ? ']' : frame.isScope ? '}}' : '}');
        const next = outer.pop();
        if (next === undefined) break;
        frame = next;
        isFirst = false;
        continue;
      }
      if (!isFirst) this.ascii(',');
      isFirst = false;
      const keyEnd = endOfCString(b, p);
      if (!frame.isArray) {
        this.ascii('"');
        this.text(b, p, keyEnd);
        this.ascii('":');
      }
      p = keyEnd + 1;
      if (p >= frame.end) return this.failed('past', at);

      switch (type) {
        case 0x01:
          if (p + 8 >= frame.end) return this.failed('past', at);
          this.double(b.readDoubleLE(p));
          p += 8;
          break;
        case 0x02:
        case 0x0d:
        case 0x0e: {
          const length = stringLength(b, p, frame.end);
          if (length === 0) return this.failed('string', p - start);
          if (type !== 0x02 && !plain) this.ascii(type === 0x0d ? '{"$code":' : '{"$symbol":');
          this.string(b, p, length);
          if (type !== 0x02 && !plain) this.ascii('}');
          p += 4 + length;
          break;
        }
        case 0x03:
        case 0x04: {
          if (p + 4 >= frame.end) return this.failed('past', at);
          const size = b.readUInt32LE(p);
          if (size < 5 || size >= frame.end - p) return this.failed('nestedSize', p - start);
          if (outer.length === MAX_DEPTH) return this.failed('depth', at);
          outer.push(frame);
          frame = { end: p + size, isArray: type === 0x04, isScope: false };
          this.ascii(type === 0x04 ? '[' : '{');
          isFirst = true;
          p += 4;
          break;
        }
        case 0x05: {
          if (p + 5 >= frame.end) return this.failed('past', at);
          let length = b.readUInt32LE(p);
          if (length >= frame.end - p - 5) return this.failed('binary', p - start);
          const subtype = b[p + 4] ?? 0;
          let data = p + 5;
          p = data + length;
          if (subtype === 2) {
            // The old form has its length a second time inside.
            if (length < 4 || b.readUInt32LE(data) !== length - 4) return this.failed('binary', data - start);
            data += 4;
            length -= 4;
          }
          this.binary(b, data, length, subtype);
          break;
        }
        case 0x06:
          this.ascii(plain ? 'null' : '{"$undefined":true}');
          break;
        case 0x07:
          if (p + 12 >= frame.end) return this.failed('past', at);
          this.ascii(plain ? `"${b.toString('hex', p, p + 12)}"` : `{"$oid":"${b.toString('hex', p, p + 12)}"}`);
          p += 12;
          break;
        case 0x08: {
          if (p + 1 >= frame.end) return this.failed('past', at);
          const value = b[p++] ?? 0;
          if (value > 1) return this.failed('boolean', p - 1 - start);
          this.ascii(value === 1 ? 'true' : 'false');
          break;
        }
        case 0x09:
          if (p + 8 >= frame.end) return this.failed('past', at);
          this.date(b.readBigInt64LE(p));
          p += 8;
          break;
        case 0x0a:
          this.ascii('null');
          break;
        case 0x0b: {
          this.ascii(plain ? '"/' : '{"$regularExpression":{"pattern":"');
          const patternEnd = endOfCString(b, p);
          this.text(b, p, patternEnd);
          p = patternEnd + 1;
          if (p >= frame.end) return this.failed('past', at);
          this.ascii(plain ? '/' : '","options":"');
          const optionsEnd = endOfCString(b, p);
          // Sorted, as the specification asks.
          const options = Buffer.from(b.subarray(p, optionsEnd)).sort();
          this.text(options, 0, options.length);
          this.ascii(plain ? '"' : '"}}');
          p = optionsEnd + 1;
          if (p >= frame.end) return this.failed('past', at);
          break;
        }
        case 0x0c: {
          const length = stringLength(b, p, frame.end);
          if (length === 0) return this.failed('string', p - start);
          this.ascii(plain ? '{"$ref":' : '{"$dbPointer":{"$ref":');
          this.string(b, p, length);
          p += 4 + length;
          if (p + 12 >= frame.end) return this.failed('past', at);
          const id = b.toString('hex', p, p + 12);
          this.ascii(plain ? `,"$id":"${id}"}` : `,"$id":{"$oid":"${id}"}}}`);
          p += 12;
          break;
        }
        case 0x0f: {
          if (p + 4 >= frame.end) return this.failed('past', at);
          const size = b.readUInt32LE(p);
          if (size < 14 || size >= frame.end - p) return this.failed('nestedSize', p - start);
          const codeEnd = p + size;
          p += 4;
          const length = stringLength(b, p, codeEnd);
          if (length === 0) return this.failed('string', p - start);
          this.ascii('{"$code":');
          this.string(b, p, length);
          p += 4 + length;
          if (p + 5 > codeEnd || b.readUInt32LE(p) !== codeEnd - p) return this.failed('nestedSize', p - start);
          if (outer.length === MAX_DEPTH) return this.failed('depth', at);
          outer.push(frame);
          frame = { end: codeEnd, isArray: false, isScope: true };
          this.ascii(',"$scope":{');
          isFirst = true;
          p += 4;
          break;
        }
        case 0x10:
          if (p + 4 >= frame.end) return this.failed('past', at);
          this.ascii(canonical ? `{"$numberInt":"${b.readInt32LE(p)}"}` : `${b.readInt32LE(p)}`);
          p += 4;
          break;
        case 0x11: {
          if (p + 8 >= frame.end) return this.failed('past', at);
          const timestamp = `{"t":${b.readUInt32LE(p + 4)},"i":${b.readUInt32LE(p)}}`;
          this.ascii(plain ? timestamp : `{"$timestamp":${timestamp}}`);
          p += 8;
          break;
        }
        case 0x12:
          if (p + 8 >= frame.end) return this.failed('past', at);
          this.ascii(canonical ? `{"$numberLong":"${b.readBigInt64LE(p)}"}` : `${b.readBigInt64LE(p)}`);
          p += 8;
          break;
        case 0x13:
          if (p + 16 >= frame.end) return this.failed('past', at);
          this.ascii(plain ? `"${decimal128Text(b, p)}"` : `{"$numberDecimal":"${decimal128Text(b, p)}"}`);
          p += 16;
          break;
        case 0x7f:
          this.ascii('{"$maxKey":1}');
          break;
        case 0xff:
          this.ascii('{"$minKey":1}');
          break;
        default:
          return this.failed('type', at);
      }
    }
    this.ascii('\n');
    return this.used - 1;
  }

  private failed(error: keyof typeof bsonErrors, at: number): number {
    this.errorAt = at;
    return bsonErrors[error];
  }

  private reserve(bytes: number): void {
    if (this.used + bytes <= this.out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.used + bytes, this.out.length * 2));
    this.out.copy(larger, 0, 0, this.used);
    this.out = larger;
  }

  private ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { out } = this;
    let o = this.used;
    for (let i = 0; i < length; i++) out[o++] = text.charCodeAt(i);
    this.used = o;
  }

  private string(b: Buffer, p: number, length: number): void {
    this.ascii('"');
    this.text(b, p + 4, p + 4 + length - 1);
    this.ascii('"');
  }

  private text(bytes: Buffer, from: number, to: number): void {
    let b = bytes;
    let p = from;
    let end = to;
    if (this.repair && !isUtf8(b.subarray(p, end))) {
      b = Buffer.from(b.toString('utf8', p, end));
      p = 0;
      end = b.length;
      this.replaced++;
    }
    // In slices, so that room for the worst case stays small.
    for (; p < end; p += 65_536) this.escaped(b, p, Math.min(end, p + 65_536));
  }

  private escaped(b: Buffer, from: number, end: number): void {
    this.reserve((end - from) * 6);
    const { out } = this;
    let o = this.used;
    for (let p = from; p < end; p++) {
      let stop = p;
      while (stop < end && escapes[b[stop] as number] === 0) stop++;
      if (stop - p > 32) {
        out.set(b.subarray(p, stop), o);
        o += stop - p;
      } else {
        for (let i = p; i < stop; i++) out[o++] = b[i] as number;
      }
      p = stop;
      if (stop === end) break;
      const c = b[stop] as number;
      const escape = escapes[c] as number;
      out[o++] = 0x5c;
      if (escape !== 1) {
        out[o++] = escape;
        continue;
      }
      out[o++] = 0x75;
      out[o++] = 0x30;
      out[o++] = 0x30;
      out[o++] = HEX[c >> 4] as number;
      out[o++] = HEX[c & 15] as number;
    }
    this.used = o;
  }

  private double(x: number): void {
    const isFinite = Number.isFinite(x);
    if (isFinite && this.types !== 'canonical') return this.ascii(doubleText(x, false));
    const text = isFinite ? doubleText(x, true) : `${x}`;
    this.ascii(this.types === 'plain' ? `"${text}"` : `{"$numberDouble":"${text}"}`);
  }

  private date(ms: bigint): void {
    if (this.types === 'plain' && ms >= YEAR_1 && ms < YEAR_10000) {
      this.ascii(`"${new Date(Number(ms)).toISOString()}"`);
    } else if (this.types === 'relaxed' && ms >= 0n && ms < YEAR_10000) {
      this.ascii(`{"$date":"${new Date(Number(ms)).toISOString().replace('.000Z', 'Z')}"}`);
    } else {
      this.ascii(`{"$date":{"$numberLong":"${ms}"}}`);
    }
  }

  private binary(b: Buffer, from: number, length: number, subtype: number): void {
    if (this.types === 'plain' && subtype === 4 && length === 16) {
      const hex = b.toString('hex', from, from + 16);
      const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
      return this.ascii(`"${parts.join('-')}"`);
    }
    const base64 = b.toString('base64', from, from + length);
    if (this.types === 'plain') return this.ascii(`"${base64}"`);
    this.ascii(`{"$binary":{"base64":"${base64}","subType":"${subtype.toString(16).padStart(2, '0')}"}}`);
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
