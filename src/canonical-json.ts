/**
 * A value as JSON text that does not depend on the order of its properties: names sorted by UTF-16 unit, no white space,
 * otherwise what `JSON.stringify` gives. Equal values have equal text, however they were written.
 *
 * @throws {TypeError} for a value without JSON form. @throws {RangeError} for one nested too deeply for the stack.
 */
export function canonicalJson(value: unknown): string {
  const text = textOf(value);
  if (text === undefined) throw new TypeError(`no JSON form: ${typeof value}`);
  return text;
}

function textOf(value: unknown): string | undefined {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if ('toJSON' in value && typeof value.toJSON === 'function') return textOf(plain(value));
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item) ?? 'null').join(',')}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  const parts: string[] = [];
  for (const name of Object.keys(fields).sort()) {
    const text = textOf(fields[name]);
    if (text !== undefined) parts.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${parts.join(',')}}`;
}

function plain(value: object): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : JSON.parse(text);
}
