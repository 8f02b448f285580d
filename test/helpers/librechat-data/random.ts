const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A stream of random values that is the same for the same seed on every machine. */
export interface Random {
  /** 0 ≤ value < 1. */
  next(): number;
  /** A whole number, both ends included. */
  int(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T;
  /** Log-normal around `median`, a whole number, cut to [1, cap]. */
  logNormal(median: number, sigma: number, cap: number): number;
  /** Lower-case hexadecimal digits, two a byte. */
  hex(bytes: number): string;
  /** Letters and digits. */
  letters(length: number): string;
  bytes(length: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
}

/** Makes a generator from a seed (sfc32, public domain, by Chris Doty-Humphrey). */
export function createRandom(seed: number): Random {
  const uint32 = sfc32(seed);
  const next = (): number => uint32() / 0x1_0000_0000;
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  const hex = (bytes: number): string => {
    let text = '';
    for (let i = 0; i < bytes; i += 4) {
      const word = uint32();
      const count = Math.min(4, bytes - i);
      for (let shift = 0; shift < count; shift++) text += HEX[(word >>> (shift * 8)) & 255];
    }
    return text;
  };
  return {
    next,
    int,
    hex,
    chance: (probability) => next() < probability,
    pick<T>(values: readonly T[]): T {
      if (values.length === 0) throw new RangeError('nothing to pick from');
      return values[Math.floor(next() * values.length)] as T; // in range: next() < 1 and the list is not empty
    },
    logNormal(median, sigma, cap) {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return Math.max(1, Math.min(cap, Math.round(median * Math.exp(sigma * normal))));
    },
    letters(length) {
      let text = '';
      for (let i = 0; i < length; i++) text += BASE64[Math.floor(next() * BASE64.length)];
      return text;
    },
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = uint32() & 255;
      return bytes;
    },
    uuid() {
      const text = hex(16);
      const variant = '89ab'[parseInt(text[16] as string, 16) & 3]; // hex(16) is 32 digits long
      return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-${variant}${text.slice(17, 20)}-${text.slice(20)}`;
    },
  };
}

function sfc32(seed: number): () => number {
  let a = seed >>> 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const step = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 16; i++) step(); // neighbouring seeds differ after this
  return step;
}
