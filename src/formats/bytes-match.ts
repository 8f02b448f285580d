// Strings of this size are gone with the young objects.
const pieceBytes = 16_384;
/** The longest match that is sure to be found. */
const longestMatch = 256;

/**
 * Whether a pattern is found in bytes, each taken as one character. It is looked for in one piece after the other, so that
 * megabytes are never made a string of.
 *
 * What a pattern says of the character behind a match may be taken for the end of the text: it can say yes too often, and
 * never no to a match of up to 256 bytes.
 */
export function bytesMatch(pattern: RegExp, bytes: Buffer, from = 0, to = bytes.length): boolean {
  for (let at = from; at < to; at += pieceBytes) {
    if (pattern.test(bytes.toString('latin1', at, Math.min(to, at + pieceBytes + longestMatch)))) return true;
  }
  return false;
}
