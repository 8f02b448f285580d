/**
 * What to do with what PostgreSQL cannot hold: NUL characters and halves of surrogate pairs in text, NaN and infinity in JSON,
 * times outside of its range.
 */
export type UnstorablePolicy = 'replace' | 'strip' | 'reject' | 'fail';

/** Thrown for a value that does not fit its column. */
export class UnstorableValue extends Error {
  override readonly name: string = 'UnstorableValue';
}

/** Thrown under the policies `reject` and `fail` for what they are about. */
export class UnstorableText extends UnstorableValue {
  override readonly name: string = 'UnstorableText';
}

/** A time before or after all that PostgreSQL can hold. */
export class UnstorableTime extends UnstorableText {
  override readonly name = 'UnstorableTime';
  /** After, not before. */
  readonly isLate: boolean;

  constructor(message: string, isLate: boolean) {
    super(message);
    this.isLate = isLate;
  }
}

/**
 * Text as PostgreSQL can hold it. `changed` is told about each text that had to be changed.
 *
 * PostgreSQL stores no NUL in text and jsonb, and UTF-8 has no form for half a surrogate pair. `replace` puts U+FFFD in
 * their place, `strip` leaves them out; `reject` and `fail` throw.
 *
 * @throws {UnstorableText} under `reject` and `fail`.
 */
export function storableText(text: string, policy: UnstorablePolicy, changed: () => void): string {
  if (!text.includes('\0') && text.isWellFormed()) return text;
  if (policy === 'reject' || policy === 'fail') {
    throw new UnstorableText(text.includes('\0') ? 'text holds a NUL character' : 'text holds half a surrogate pair');
  }
  changed();
  if (policy === 'replace') return text.toWellFormed().replaceAll('\0', '\uFFFD');
  // With the u flag a surrogate that is part of a pair is not matched by itself.
  return text.replace(/[\0\p{Surrogate}]/gu, '');
}

/** A JSON value with storable text in all its strings and keys, and numbers that JSON has. The value itself when nothing had to change. */
function storableJson(value: unknown, policy: UnstorablePolicy, changed: () => void): unknown {
  if (typeof value === 'string') return storableText(value, policy, changed);
  if (typeof value === 'number' && !Number.isFinite(value)) return storableNumber(value, policy, changed);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => storableJson(item, policy, changed));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const entries = Object.entries(value);
  const stored = entries.map(
    ([key, item]) => [storableText(key, policy, changed), storableJson(item, policy, changed)] as const,
  );
  const same = stored.every(([key, item], index) => key === entries[index]?.[0] && item === entries[index]?.[1]);
  return same ? value : Object.fromEntries(stored);
}

/** JSON has no NaN and no infinity, and JSON.stringify would silently make null of them. */
function storableNumber(value: number, policy: UnstorablePolicy, changed: () => void): string | null {
  if (policy === 'reject' || policy === 'fail') throw new UnstorableText(`JSON has no ${value}`);
  changed();
  return policy === 'replace' ? String(value) : null;
}

function holdsNonFinite(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some(holdsNonFinite);
}

/**
 * JSON text of a value as jsonb takes it.
 *
 * The text is made first and looked at for the escapes that stand for such characters; only then, which is rare, the value
 * is walked. Replacing in the text itself would also change a harmless `\\u0000`.
 */
export function storableJsonText(value: unknown, policy: UnstorablePolicy, changed: () => void): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new UnstorableValue(`${typeof value} has no JSON form`);
  const source = text.includes('null') && holdsNonFinite(value) ? value : undefined;
  if (source === undefined && !mayHoldUnstorable(text)) return text;
  return JSON.stringify(storableJson(source ?? JSON.parse(text), policy, changed));
}

/** Whether JSON text may stand for a NUL or a surrogate: it has `\u0000` or `\ud8…` to `\udf…` somewhere. */
export function mayHoldUnstorable(text: string): boolean {
  return text.includes('\\u') && /\\u(?:0000|[dD][89a-fA-F])/.test(text);
}

/** Says what was expected, and what came. */
export function misfit(value: unknown, type: string): UnstorableValue {
  const shown = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value)).slice(0, 60);
  return new UnstorableValue(`expected ${type}, received ${shown} (${typeof value})`);
}
