import { RE2JS } from 're2js';

import { EtlError } from './errors.ts';

/** What is used of a match: as `RegExp.exec` gives it. */
type Match = (string | undefined)[] & { index: number };

// What RE2 says of a pattern it has no place for, and what can be done about it.
const hint =
  'Patterns are matched in linear time, by RE2: without look-ahead, references back to a group, and repetitions over 1000. ' +
  'Say the same without them, or in two patterns.';

/**
 * A regular expression that takes time in proportion to the text, whatever the pattern: `(a+)+$` cannot hold up a run.
 *
 * Takes the place of the RegExp it is made from, as far as JSONata uses one: `exec` from `lastIndex` on, flags `i` and `m`. What it
 * finds is what the RegExp finds, but that `.` and classes take whole characters (an emoji is one), `m` knows `\n` only as the end
 * of a line, a group inside a repetition keeps what it matched last, and a repetition of what may be empty (`(a*?)+`) may end
 * earlier or later.
 *
 * @throws {EtlError} `ETL_EXPRESSION_INVALID` for look-ahead, back references and repetitions over 1000.
 * @see https://github.com/google/re2/wiki/Syntax
 */
export class LinearRegExp {
  lastIndex = 0;
  readonly #pattern: RE2JS;

  constructor(pattern: RegExp) {
    this.#pattern = compiled(pattern);
  }

  exec(text: string): Match | null {
    // Whether there is a match at all is found out several times as fast as where, and of most texts it is all to know.
    if (this.lastIndex === 0 && !this.#pattern.test(text)) return null;
    const matcher = this.#pattern.matcher(text);
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    this.lastIndex = matcher.end();
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? undefined);
    return Object.assign(groups, { index: matcher.start() });
  }
}

/** JSONata makes its patterns anew for every record. */
const known = new WeakMap<RegExp, RE2JS>();

function compiled(pattern: RegExp): RE2JS {
  const before = known.get(pattern);
  if (before !== undefined) return before;
  let made: RE2JS;
  try {
    const flags = (pattern.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (pattern.multiline ? RE2JS.MULTILINE : 0);
    made = RE2JS.compile(RE2JS.translateRegExp(asRe2(pattern.source)), flags | RE2JS.LOOKBEHINDS);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : String(error);
    throw new EtlError('ETL_EXPRESSION_INVALID', `the pattern /${pattern.source}/ cannot be matched: ${why}`, { hint });
  }
  known.set(pattern, made);
  return made;
}

// White space and line ends as JavaScript has them: RE2 knows those of ASCII only.
const space = String.raw`\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`;
const noSpace = String.raw`\x00-\x{08}\x{0e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`;
const notLineEnd = String.raw`[^\n\r\x{2028}\x{2029}]`;

/** The pattern with what means something else in RE2 written out; `translateRegExp` does the rest. */
function asRe2(source: string): string {
  let isClass = false;
  return source.replace(/\\k<|\\[^]|[.[\]]/g, (token) => {
    switch (token) {
      // Taken for the letter k otherwise.
      case '\\k<':
        throw new Error('invalid escape sequence: `\\k`');
      case '\\s':
        return isClass ? space : `[${space}]`;
      case '\\S':
        return isClass ? noSpace : `[${noSpace}]`;
      case '.':
        return isClass ? token : notLineEnd;
      case '[':
      case ']':
        if (token === '[' && isClass) return '\\[';
        isClass = token === '[';
        return token;
      default:
        return token;
    }
  });
}
