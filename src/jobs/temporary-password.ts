import { randomInt } from 'node:crypto';

// Without letters and digits that look alike; specials of those that Onyx counts as such.
const kinds = ['abcdefghijkmnopqrstuvwxyz', 'ABCDEFGHJKLMNPQRSTUVWXYZ', '23456789', '!@#$%^&*-_=+'] as const;
const all = kinds.join('');
const length = 24;

/**
 * A password of 24 random characters with at least one of each kind: 146 bits, and within every rule that Onyx can be set to.
 *
 * @see Onyx at a7d66a8b778c (2026-08): 8 to 64 characters; letters of both cases, digits and specials on demand
 */
export function temporaryPassword(): string {
  const characters = [...kinds, ...Array<string>(length - kinds.length).fill(all)].map(
    (from) => from[randomInt(from.length)] ?? '',
  );
  // Fisher and Yates: the kinds stand anywhere.
  for (let at = characters.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [characters[at], characters[other]] = [characters[other] ?? '', characters[at] ?? ''];
  }
  return characters.join('');
}
