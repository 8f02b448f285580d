import { jsonCharacterClasses } from './json-character-classes.ts';
import type { JsonScanner, ScanMode } from './json-scan-events.ts';

// Named constants of a module are inlined by V8; properties of an object are not always.
const VALUE = 0,
  FIRST_VALUE = 1,
  FIRST_KEY = 2,
  KEY = 3,
  COLON = 4,
  AFTER = 5,
  STRING = 6,
  ESCAPE = 7,
  HEX = 8;
const LITERAL = 9,
  MINUS = 10,
  ZERO = 11,
  INTEGER = 12,
  POINT = 13,
  FRACTION = 14,
  EXPONENT = 15;
const EXPONENT_SIGN = 16,
  EXPONENT_DIGITS = 17,
  LOST = 18,
  LOST_STRING = 19,
  LOST_ESCAPE = 20;
const VALID = 0,
  INVALID = 1,
  UNSURE = 2,
  EMPTY = 3;
const MAX_DEPTH = 65535;
const BLOCK_BYTES = 65536;

/** The scanner in plain TypeScript: the fallback where there is no WebAssembly, and what explains a mistake. */
export class TypeScriptJsonScanner implements JsonScanner {
  readonly blockBytes = BLOCK_BYTES;
  readonly events = new Uint32Array(BLOCK_BYTES);
  stopped = 0;
  /** Where in the last block the machine lost its way, -1 when it did not, and what it expected there. */
  lostAt = -1;
  lostState = -1;
  private byLine = true;
  private state: number = VALUE;
  private depth = 0;
  private inKey = false;
  private hexLeft = 0;
  private literal = 0;
  private verdict: number = VALID;
  private readonly stack = new Uint8Array(MAX_DEPTH + 1);

  /** What the machine expects next, as in `jsonScanStates`. */
  get expects(): number {
    return this.state;
  }

  /** It does not look: somebody else has to. */
  readonly mayHoldMark = true;
  readonly mayHoldBreaks = true;

  reset(mode: ScanMode): void {
    this.byLine = mode === 'lines';
    this.state = VALUE;
    this.depth = 0;
    this.verdict = VALID;
    this.lostAt = -1;
    this.lostState = -1;
  }

  finish(): number {
    if (this.state >= LOST) return this.verdict;
    if (this.depth > 0) return INVALID;
    switch (this.state) {
      case VALUE:
        return EMPTY;
      case AFTER:
      case ZERO:
      case INTEGER:
      case FRACTION:
      case EXPONENT_DIGITS:
        return VALID;
      default:
        return INVALID;
    }
  }

  scan(bytes: Uint8Array, from: number, to: number): number {
    const { events, stack, byLine } = this;
    const classes = jsonCharacterClasses;
    let { state, depth, inKey, hexLeft, literal, verdict } = this;
    let count = 0;
    let p = from;
    this.lostAt = -1;

    while (p < to) {
      const c = bytes[p] as number;
      // A line feed ends a line wherever it is.
      if (byLine && c === 0x0a) {
        let what: number = INVALID;
        if (state >= ZERO && state < LOST && this.numberIsWhole(state)) state = AFTER;
        if (state >= LOST) what = verdict;
        else if (depth === 0 && state === AFTER) what = VALID;
        else if (depth === 0 && state === VALUE) what = EMPTY;
        events[count++] = (p - from) | (what << 30);
        p++;
        state = VALUE;
        depth = 0;
        continue;
      }
      let next = -1;
      switch (state) {
        case STRING:
          while (p < to && ((classes[bytes[p] as number] as number) & 1) === 1) p++;
          if (p === to) continue;
          if (bytes[p] === 0x22) next = inKey ? COLON : AFTER;
          else if (bytes[p] === 0x5c) next = ESCAPE;
          else if (byLine && bytes[p] === 0x0a) continue;
          break;
        case VALUE:
        case FIRST_VALUE:
          if (c === 0x22) {
            inKey = false;
            next = STRING;
          } else if (c === 0x7b || c === 0x5b) {
            if (depth === MAX_DEPTH) {
              verdict = UNSURE;
              state = LOST;
              continue;
            }
            stack[++depth] = c;
            next = c === 0x7b ? FIRST_KEY : FIRST_VALUE;
          } else if (((classes[c] as number) & 4) !== 0) next = c === 0x30 ? ZERO : INTEGER;
          else if (c === 0x2d) next = MINUS;
          else if (c === 0x74 || c === 0x66 || c === 0x6e) {
            literal = c === 0x74 ? 0x657572 : c === 0x66 ? 0x65736c61 : 0x6c6c75;
            next = LITERAL;
          } else if (c === 0x5d && state === FIRST_VALUE) {
            depth--;
            next = AFTER;
          } else if (((classes[c] as number) & 2) !== 0) next = state;
          break;
        case AFTER:
          if (depth > 0 && c === 0x2c) next = stack[depth] === 0x7b ? KEY : VALUE;
          else if (depth > 0 && c === (stack[depth] as number) + 2) {
            depth--;
            next = AFTER;
          } else if (((classes[c] as number) & 2) !== 0) next = AFTER;
          break;
        case FIRST_KEY:
        case KEY:
          if (c === 0x22) {
            inKey = true;
            next = STRING;
          } else if (c === 0x7d && state === FIRST_KEY) {
            depth--;
            next = AFTER;
          } else if (((classes[c] as number) & 2) !== 0) next = state;
          break;
        case COLON:
          if (c === 0x3a) next = VALUE;
          else if (((classes[c] as number) & 2) !== 0) next = COLON;
          break;
        case ESCAPE:
          if (c === 0x75) {
            hexLeft = 4;
            next = HEX;
          } else if (((classes[c] as number) & 16) !== 0) next = STRING;
          break;
        case HEX:
          if (((classes[c] as number) & 8) !== 0) next = --hexLeft === 0 ? STRING : HEX;
          break;
        case LITERAL:
          if (c === (literal & 0xff)) {
            literal >>>= 8;
            next = literal === 0 ? AFTER : LITERAL;
          }
          break;
        case MINUS:
          if (((classes[c] as number) & 4) !== 0) next = c === 0x30 ? ZERO : INTEGER;
          break;
        case INTEGER:
        case ZERO:
          if (state === INTEGER && ((classes[c] as number) & 4) !== 0) next = INTEGER;
          else if (c === 0x2e) next = POINT;
          else if ((c | 0x20) === 0x65) next = EXPONENT;
          else {
            state = AFTER;
            continue;
          }
          break;
        case POINT:
        case FRACTION:
          if (((classes[c] as number) & 4) !== 0) next = FRACTION;
          else if (state === FRACTION && (c | 0x20) === 0x65) next = EXPONENT;
          else if (state === FRACTION) {
            state = AFTER;
            continue;
          }
          break;
        case EXPONENT:
        case EXPONENT_SIGN:
        case EXPONENT_DIGITS:
          if (((classes[c] as number) & 4) !== 0) next = EXPONENT_DIGITS;
          else if (state === EXPONENT && (c === 0x2b || c === 0x2d)) next = EXPONENT_SIGN;
          else if (state === EXPONENT_DIGITS) {
            state = AFTER;
            continue;
          }
          break;
        case LOST:
          next = LOST;
          if (byLine) break;
          if (c === 0x22) next = LOST_STRING;
          else if (c === 0x7b || c === 0x5b) depth++;
          else if (depth > 0 && (c === 0x7d || c === 0x5d)) depth--;
          else if (c === 0x2c && depth > 0) break;
          else if (c === 0x2c || c === 0x7d || c === 0x5d) next = -1;
          break;
        case LOST_STRING:
          next = c === 0x22 ? LOST : c === 0x5c ? LOST_ESCAPE : LOST_STRING;
          break;
        case LOST_ESCAPE:
          next = LOST_STRING;
          break;
      }
      if (next >= 0) {
        state = next;
        p++;
        continue;
      }

      if (!byLine && depth === 0 && (c === 0x2c || c === 0x5d || c === 0x7d) && endsValue(state)) {
        const what = state === VALUE ? EMPTY : state === AFTER ? VALID : verdict;
        events[count++] = (p - from) | (what << 30);
        p++;
        state = VALUE;
        if (c === 0x2c) continue;
        break;
      }
      verdict = INVALID;
      if (this.lostAt < 0) {
        this.lostAt = p - from;
        this.lostState = state;
      }
      // In a string what comes next is still the string; a wrong escape is skipped whole.
      if (state === STRING || state === ESCAPE) p++;
      state = state === STRING || state === ESCAPE || state === HEX ? LOST_STRING : LOST;
    }

    this.stopped = p - from;
    this.state = state;
    this.depth = depth;
    this.inKey = inKey;
    this.hexLeft = hexLeft;
    this.literal = literal;
    this.verdict = verdict;
    return count;
  }

  private numberIsWhole(state: number): boolean {
    return state === ZERO || state === INTEGER || state === FRACTION || state === EXPONENT_DIGITS;
  }
}

function endsValue(state: number): boolean {
  return state === VALUE || state === AFTER || state === LOST;
}
