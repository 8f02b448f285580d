import { unmarkNumbers } from '../formats/exact-numbers.ts';
import { jsonEqual } from '../json-equal.ts';

const shownPlaces = 3;
const shownCharacters = 60;

/**
 * Where two values differ, for people: `messages[2].content: "hello" here, "HELLO" there; and 4 more`. Long texts are cut around
 * the first character that differs. Empty when they are equal.
 */
export function valueDifferences(here: unknown, there: unknown): string {
  const found: string[] = [];
  let more = 0;
  const walk = (path: string, a: unknown, b: unknown): void => {
    if (jsonEqual(a, b)) return;
    if (Array.isArray(a) && Array.isArray(b)) {
      for (let index = 0; index < Math.max(a.length, b.length); index++) walk(`${path}[${index}]`, a[index], b[index]);
      return;
    }
    if (isFields(a) && isFields(b)) {
      for (const name of new Set([...Object.keys(a), ...Object.keys(b)]))
        walk(`${path}${nameIn(path, name)}`, member(a, name), member(b, name));
      return;
    }
    if (found.length < shownPlaces) {
      const [one, two] = shortened(text(a), text(b));
      found.push(`${path === '' ? '' : `${path}: `}${one} here, ${two} there`);
    } else more += 1;
  };
  walk('', here, there);
  return [...found, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** A name behind a path: `.content`, or `["in two\\nlines"]` where it would not read as one. */
function nameIn(path: string, name: string): string {
  if (!/^[^\p{C}\p{Z}.:;"'[\]]+$/u.test(name)) return `[${JSON.stringify(name)}]`;
  return path === '' ? name : `.${name}`;
}

/** A member of the value's own: not what every object has. */
function member(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : unmarkNumbers(JSON.stringify(value));
}

/** Both from shortly before the first character that differs. */
function shortened(a: string, b: string): readonly [string, string] {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same += 1;
  const from = Math.max(a.length, b.length) <= shownCharacters ? 0 : Math.max(0, same - shownCharacters / 3);
  const cut = (whole: string): string => {
    const end = whole.length > from + shownCharacters ? '…' : '';
    return `${from > 0 ? '…' : ''}${whole.slice(from, from + shownCharacters)}${end}`;
  };
  return [cut(a), cut(b)];
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
