const EXPONENT_BIAS = 6176;
const MAX_COEFFICIENT = 10n ** 34n - 1n;

/**
 * The text of an IEEE 754-2008 Decimal128 in BSON's byte order (binary integer decimal, 16 bytes from `offset`), in the
 * form the BSON Decimal128 specification asks for: digits and trailing zeros as stored, scientific where the exponent is
 * above 0 or the number is small; `NaN`, `Infinity`, `-Infinity`.
 */
export function decimal128Text(bytes: Uint8Array, offset: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 16);
  const low = view.getBigUint64(0, true);
  const high = view.getBigUint64(8, true);
  const sign = high >> 63n === 1n ? '-' : '';
  const combination = Number((high >> 58n) & 31n);
  if (combination === 31) return 'NaN';
  if (combination === 30) return `${sign}Infinity`;
  // Two upper bits set: the coefficient would begin with 0b100 and be too large, which stands for zero.
  const isLarge = combination >> 3 === 3;
  const exponent = Number((high >> (isLarge ? 47n : 49n)) & 0x3fffn) - EXPONENT_BIAS;
  let coefficient = isLarge ? 0n : ((high & 0x1ffffffffffffn) << 64n) | low;
  if (coefficient > MAX_COEFFICIENT) coefficient = 0n;

  const digits = coefficient.toString();
  const scientific = digits.length - 1 + exponent;
  if (exponent > 0 || scientific < -6) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0]}${fraction}E${scientific < 0 ? '' : '+'}${scientific}`;
  }
  if (exponent === 0) return sign + digits;
  const padded = digits.padStart(1 - exponent, '0');
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}
