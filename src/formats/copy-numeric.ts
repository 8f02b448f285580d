import type { ByteWriter } from './byte-writer.ts';
import { UnstorableValue } from './postgres-text.ts';

const decimal = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,7}))?$/;
const named: Readonly<Record<string, number>> = { nan: 0xc000, infinity: 0xd000, '-infinity': 0xf000 };
const negative = 0x4000;
/** As many digits as PostgreSQL takes before the point, and after it. */
const maxWhole = 131_072;
const maxScale = 16_383;

/**
 * Writes a decimal number in numeric's binary form, without its length: digits to the base of 10,000, of which `weight` + 1
 * stand before the point. Nothing is rounded; trailing zeros stay.
 *
 * @throws {UnstorableValue} for what is no decimal number, or is out of numeric's range.
 * @see PostgreSQL source, `numeric_recv` in src/backend/utils/adt/numeric.c
 */
export function writeNumeric(text: string, writer: ByteWriter): void {
  const special = named[text.trim().toLowerCase()];
  if (special !== undefined) return writeParts(writer, [], 0, special, 0);
  const [, sign, whole = '', fraction = '', exponent = '0'] = decimal.exec(text.trim()) ?? [];
  if (sign === undefined || whole + fraction === '') {
    throw new UnstorableValue(`expected a number, received ${JSON.stringify(text.slice(0, 60))}`);
  }
  // The digits, and how many of them stand before the point.
  const moved = whole.length + Number(exponent);
  const all = whole + fraction;
  const before = all
    .slice(0, Math.max(moved, 0))
    .padEnd(Math.min(moved, maxWhole + 1), '0')
    .replace(/^0+/, '');
  const after = '0'.repeat(Math.min(Math.max(-moved, 0), maxScale + 1)) + all.slice(Math.max(moved, 0));
  if (before.length > maxWhole || after.length > maxScale) {
    throw new UnstorableValue(`${text.slice(0, 60)} is out of range for numeric`);
  }
  const wholeGroups = Math.ceil(before.length / 4);
  const digits = before.padStart(wholeGroups * 4, '0') + after.padEnd(Math.ceil(after.length / 4) * 4, '0');
  const groups = Array.from({ length: digits.length / 4 }, (_, at) => Number(digits.slice(at * 4, at * 4 + 4)));
  const first = groups.findIndex((group) => group !== 0);
  const last = groups.findLastIndex((group) => group !== 0);
  const isZero = first < 0;
  writeParts(
    writer,
    isZero ? [] : groups.slice(first, last + 1),
    isZero ? 0 : wholeGroups - first - 1,
    sign === '-' && !isZero ? negative : 0,
    after.length,
  );
}

function writeParts(writer: ByteWriter, groups: readonly number[], weight: number, sign: number, scale: number): void {
  writer.int16(groups.length);
  writer.int16(weight);
  // The two highest bits are signs of their own.
  writer.int16(sign > 0x7fff ? sign - 0x10000 : sign);
  writer.int16(scale);
  for (const group of groups) writer.int16(group);
}
