import { FormatError } from './format-error.ts';
import { type JsonScanner, POSITION_MASK, verdicts } from './json-scan-events.ts';

const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  COMMA = 0x2c,
  COLON = 0x3a,
  OPEN = 0x7b,
  CLOSE = 0x7d,
  OPEN_ARRAY = 0x5b,
  CLOSE_ARRAY = 0x5d;
// A longer property name is not compared; no path has one.
const MAX_NAME_BYTES = 65_536;

type Expectation =
  | 'root'
  | 'first name'
  | 'name'
  | 'in name'
  | 'colon'
  | 'value'
  | 'skipped'
  | 'member end'
  | 'element end'
  | 'elements'
  | 'end';

/**
 * Finds the elements of an array at a path of object members, however the input is cut into blocks. The objects it is
 * in are always those of the path: every other value is skipped by the scanner, whatever its length.
 */
export class ArrayWalker {
  /** The array was met. */
  isFound: boolean;
  /** The next element is not the array's first. */
  isAfterComma = false;
  private expects: Expectation;
  private readonly path: readonly string[];
  private readonly scanner: JsonScanner;
  /** Objects that are open. */
  private level = 0;
  private name: number[] = [];
  private isEscaped = false;
  /** The member being read leads to the array. */
  private isOnPath = false;

  constructor(path: readonly string[], scanner: JsonScanner, isInArray: boolean) {
    this.path = path;
    this.scanner = scanner;
    this.isFound = isInArray;
    this.level = isInArray ? path.length : 0;
    this.expects = isInArray ? 'element end' : 'root';
  }

  /** The next byte is an element's; `inArray` until `arrayEnded` is called. */
  get inArray(): boolean {
    return this.expects === 'elements';
  }

  /** The outermost value has ended. */
  get isAtEnd(): boolean {
    return this.expects === 'end';
  }

  /** The bracket that ends the array was read. */
  arrayEnded(): void {
    this.expects = this.level === 0 ? 'end' : 'member end';
  }

  /**
   * Reads `bytes` from `from` on, whose first byte is `offset` in the input; gives the position of the array's first
   * element, or the length when it lies further on.
   *
   * @throws {FormatError} where the bytes are not what JSON has there, or the array is something else.
   */
  walk(bytes: Uint8Array, from: number, offset: number): number {
    let p = from;
    while (p < bytes.length && this.expects !== 'elements') {
      if (this.expects === 'skipped') {
        p = this.skip(bytes, p, offset);
        continue;
      }
      const c = bytes[p] ?? 0;
      if (this.expects === 'in name') this.nameByte(c, offset + p);
      else if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) {
        // The first byte of a skipped value is the scanner's.
        if (this.token(c, offset + p)) continue;
      }
      p++;
    }
    return p;
  }

  private token(c: number, at: number): boolean {
    switch (this.expects) {
      case 'root':
        if (this.path.length === 0 && c === OPEN_ARRAY) this.enterArray();
        else if (this.path.length > 0 && c === OPEN) this.enterObject();
        else if (this.path.length > 0) throw unexpected(c, at, `an object with "${this.path.join('.')}"`);
        else
          throw unexpected(c, at, 'an array', c === OPEN ? '; for an array in an object, `at` names its member' : '');
        return false;
      case 'first name':
      case 'name':
        if (c === QUOTE) {
          this.name = [];
          this.expects = 'in name';
        } else if (c === CLOSE && this.expects === 'first name') this.leaveObject();
        else throw unexpected(c, at, 'a property name');
        return false;
      case 'colon':
        if (c !== COLON) throw unexpected(c, at, '":"');
        this.expects = 'value';
        return false;
      case 'value':
        return this.value(c, at);
      case 'member end':
        if (c === COMMA) this.expects = 'name';
        else if (c === CLOSE) this.leaveObject();
        else throw unexpected(c, at, '"," or "}"');
        return false;
      case 'element end':
        if (c === COMMA) {
          this.enterArray();
          this.isAfterComma = true;
        } else if (c === CLOSE_ARRAY) this.arrayEnded();
        else throw unexpected(c, at, '"," or "]" (the place to resume is not behind an element)');
        return false;
      default:
        throw unexpected(c, at, 'nothing more');
    }
  }

  private value(c: number, at: number): boolean {
    if (c === COMMA || c === CLOSE || c === CLOSE_ARRAY) throw unexpected(c, at, 'a value');
    if (this.isOnPath && this.level === this.path.length) {
      if (c !== OPEN_ARRAY) throw unexpected(c, at, `an array as "${this.path.join('.')}"`);
      this.enterArray();
      return false;
    }
    if (this.isOnPath && c === OPEN) {
      this.enterObject();
      return false;
    }
    this.scanner.reset('values');
    this.expects = 'skipped';
    return true;
  }

  private skip(bytes: Uint8Array, from: number, offset: number): number {
    const to = Math.min(bytes.length, from + this.scanner.blockBytes);
    if (this.scanner.scan(bytes, from, to) === 0) return to;
    const event = this.scanner.events[0] ?? 0;
    const at = from + (event & POSITION_MASK);
    if (event >>> 30 === verdicts.invalid) {
      throw new FormatError(`a value that ends before byte ${offset + at} is not JSON`, { offset: offset + at });
    }
    this.expects = 'member end';
    return at;
  }

  private nameByte(c: number, at: number): void {
    if (c !== QUOTE || this.isEscaped) {
      this.isEscaped = c === BACKSLASH && !this.isEscaped;
      if (this.name.length < MAX_NAME_BYTES) this.name.push(c);
      return;
    }
    this.isOnPath = this.name.length < MAX_NAME_BYTES && nameText(this.name, at) === this.path[this.level - 1];
    this.expects = 'colon';
  }

  private enterObject(): void {
    this.level++;
    this.expects = 'first name';
  }

  private leaveObject(): void {
    this.level--;
    this.expects = this.level === 0 ? 'end' : 'member end';
  }

  private enterArray(): void {
    this.isFound = true;
    this.isAfterComma = false;
    this.expects = 'elements';
    this.scanner.reset('values');
  }
}

function nameText(name: readonly number[], at: number): string {
  try {
    return JSON.parse(`"${Buffer.from(name).toString('utf8')}"`) as string;
  } catch (cause) {
    throw new FormatError(`the property name that ends at byte ${at} is not JSON`, { offset: at }, { cause });
  }
}

/** "expected …, found …" at a byte. */
export function unexpected(c: number, at: number, expected: string, advice = ''): FormatError {
  const found =
    c > 0x20 && c < 0x7f ? JSON.stringify(String.fromCharCode(c)) : `byte 0x${c.toString(16).padStart(2, '0')}`;
  return new FormatError(`expected ${expected} at byte ${at}, found ${found}${advice}`, { offset: at });
}
