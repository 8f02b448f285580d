import type { Random } from './random.ts';
import { LANGUAGES, type Language } from './words.ts';

const SENTENCES_PER_LANGUAGE = 400;

/** Text that looks like chats; lengths are in UTF-16 units and met within one sentence. */
export interface TextMaker {
  /** A user's prompt or an answer in one language, with line breaks and quotes. */
  prose(length: number): string;
  /** An answer in Markdown: prose, lists, tables and code blocks. */
  markdown(length: number): string;
  /** What a tool returns: JSON text or a log, ASCII. */
  toolOutput(length: number): string;
  /** A short line without quotes or breaks, for titles and names. */
  title(): string;
}

/** Prepares pools of sentences once, so that long texts cost a join and no more. */
export function createTextMaker(random: Random): TextMaker {
  const pools = LANGUAGES.map((language) => ({
    share: language.share,
    sentences: Array.from({ length: SENTENCES_PER_LANGUAGE }, () => sentence(random, language)),
  }));
  const english = (pools[0] as (typeof pools)[number]).sentences; // LANGUAGES starts with English
  const code = Array.from({ length: 60 }, () => codeBlock(random));
  const logs = Array.from({ length: 200 }, () => logLine(random));

  const poolOf = (): readonly string[] => {
    let left = random.next();
    for (const { share, sentences } of pools) {
      left -= share;
      if (left < 0) return sentences;
    }
    return english;
  };
  const separator = (): string => (random.chance(0.55) ? '\n' : ' ');
  const fill = (length: number, piece: () => string): string => {
    let text = piece();
    while (text.length < length) text += separator() + piece();
    return text.length > length + 200 ? cut(text, length) : text;
  };

  return {
    prose(length) {
      const pool = poolOf();
      return cut(
        fill(length, () => random.pick(pool)),
        Math.max(length, 2),
      );
    },
    markdown(length) {
      const pool = poolOf();
      return fill(length, () => {
        const dice = random.next();
        if (dice < 0.08) return `\n${random.pick(code)}`;
        if (dice < 0.2) return `- **${random.pick(pool)}**\n- ${random.pick(pool)}`;
        return random.pick(pool);
      });
    },
    toolOutput: (length) =>
      cut(
        fill(length, () => random.pick(logs)),
        length,
      ),
    title: () => cut(random.pick(poolOf()).replace(/["\\\n\t]/gu, ''), 60).trim() || 'Untitled',
  };
}

/** Cuts without leaving half of a surrogate pair at the end. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

function sentence(random: Random, { words, joiner, stop }: Language): string {
  const count = random.int(4, 12);
  const chosen = Array.from({ length: count }, () => random.pick(words));
  if (random.chance(0.5)) {
    const at = random.int(0, count - 1);
    chosen[at] = `"${chosen[at]}"`;
  }
  if (random.chance(0.04)) chosen.push('C:\\data\\new');
  return chosen.join(joiner) + stop;
}

function codeBlock(random: Random): string {
  const name = random.pick(['rows', 'total', 'users', 'chunk', 'result']);
  const lines = random.pick([
    [
      '```python',
      `def ${name}(path):`,
      '\twith open(path, "rb") as file:',
      '\t\treturn [line.split("\\t") for line in file]',
      '```',
    ],
    ['```sql', `SELECT "${name}", count(*)`, 'FROM "events"', "WHERE kind = 'chat'", 'GROUP BY 1;', '```'],
    [
      '```ts',
      `const ${name} = new Map<string, number>();`,
      'for (const { id } of list) {',
      `  ${name}.set(id, 1);`,
      '}',
      '```',
    ],
    ['| name | count |', '|---|---:|', `| ${name} | ${random.int(1, 9999)} |`, `| other | ${random.int(1, 9999)} |`],
  ]);
  return lines.join('\n');
}

function logLine(random: Random): string {
  return random.pick([
    () => `{"id":"${random.hex(4)}","status":"ok","items":${random.int(0, 999)}}`,
    () =>
      `2026-03-0${random.int(1, 9)}T10:00:0${random.int(0, 9)}Z INFO request ${random.hex(8)} done in ${random.int(1, 900)} ms`,
    () => `/srv/app/${random.letters(8)}.log:${random.int(1, 999)}:\tmatch "${random.letters(6)}"`,
  ])();
}
