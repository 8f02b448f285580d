import type { Json } from '../json.ts';

/** A message of any chat of Onyx, whoever wrote it. */
export interface OnyxRow {
  readonly id: number;
  readonly session: string;
  readonly parent: number | null;
  readonly latest: number | null;
  readonly type: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly sent: number;
  readonly reasoning: string | null;
  readonly citations: Json;
  /** A summary of what is above it: no child to be shown. */
  readonly isSummary: boolean;
}

/** A document that a message names or could name. */
export interface OnyxLink {
  readonly id: number;
  readonly link: string | null;
}

/** What is to be changed in one message. */
export interface RowRepair {
  readonly row: OnyxRow;
  readonly latest?: number | null;
  readonly citations?: Json;
  readonly text?: string;
  readonly reasoning?: string;
  /** Documents to link to it. */
  readonly link?: readonly number[];
  /** What was wrong, in few words. */
  readonly why: string;
}

/** What is wrong with a chat and cannot be mended row by row. */
export interface ChatProblem {
  readonly session: string;
  readonly why: string;
}

/**
 * Has each message show one of its own children: the one that it names where that is right, else the newest.
 *
 * A chat whose messages do not hang together (no root, several, a ring, a parent in another chat) is mended as far as that
 * goes, and named.
 */
export function planLatestChild(rows: readonly OnyxRow[]): {
  readonly repairs: readonly RowRepair[];
  readonly problems: readonly ChatProblem[];
} {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const children = new Map<number, OnyxRow[]>();
  for (const row of rows) {
    if (row.parent === null || row.isSummary || byId.get(row.parent)?.session !== row.session) continue;
    const list = children.get(row.parent);
    if (list === undefined) children.set(row.parent, [row]);
    else list.push(row);
  }
  const reached = reachedFromRoots(rows, children);
  const repairs: RowRepair[] = [];
  for (const row of rows) {
    const own = reached.has(row.id) ? (children.get(row.id) ?? []) : [];
    if (own.some(({ id }) => id === row.latest)) continue;
    const [first, ...others] = own;
    const newest = others.reduce<OnyxRow | undefined>(
      (best, child) =>
        best === undefined || child.sent > best.sent || (child.sent === best.sent && child.id > best.id) ? child : best,
      first,
    );
    const latest = newest?.id ?? null;
    if (latest === row.latest) continue;
    const why = row.latest === null ? 'shows no child' : 'shows what is not its child';
    repairs.push({ row, latest, why });
  }
  return { repairs, problems: chatProblems(rows, byId, reached) };
}

/** Messages that are below a root: those in a ring are below none, and showing them would never end. */
function reachedFromRoots(rows: readonly OnyxRow[], children: ReadonlyMap<number, readonly OnyxRow[]>): Set<number> {
  const byId = new Set(rows.map(({ id }) => id));
  const waiting = rows.filter(({ parent }) => parent === null || !byId.has(parent)).map(({ id }) => id);
  const reached = new Set(waiting);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const child of children.get(id) ?? []) {
      if (reached.has(child.id)) continue;
      reached.add(child.id);
      waiting.push(child.id);
    }
  }
  return reached;
}

function chatProblems(
  rows: readonly OnyxRow[],
  byId: ReadonlyMap<number, OnyxRow>,
  reached: ReadonlySet<number>,
): ChatProblem[] {
  const problems = new Map<string, Set<string>>();
  const roots = new Map<string, OnyxRow[]>();
  const say = ({ session }: OnyxRow, why: string): void => {
    const known = problems.get(session);
    if (known === undefined) problems.set(session, new Set([why]));
    else known.add(why);
  };
  for (const row of rows) {
    if (!roots.has(row.session)) roots.set(row.session, []);
    if (row.parent === null) roots.get(row.session)?.push(row);
    else if (byId.get(row.parent)?.session !== row.session) say(row, 'a parent that is not in the chat');
    else if (!reached.has(row.id) && !row.isSummary) say(row, 'messages in a ring');
    const above = row.parent === null ? undefined : byId.get(row.parent);
    if (row.type === 'ASSISTANT' && !row.isSummary && above?.type === 'ASSISTANT')
      say(row, 'an answer under an answer');
  }
  for (const [session, found] of roots) {
    const [root] = found;
    const row = rows.find((one) => one.session === session);
    if (row === undefined) continue;
    if (found.length > 1) say(row, 'several roots');
    else if (root?.type !== 'SYSTEM') say(row, 'no SYSTEM root: the first question is not told to the model');
  }
  return [...problems].flatMap(([session, whys]) => [...whys].map((why) => ({ session, why })));
}

/**
 * Has the citations of an answer name documents that are there and linked to it. Citations that are missing are made from the
 * marks in the text, `[[1]](address)`, and the linked documents of that address.
 */
export function planCitations(
  row: OnyxRow,
  linked: readonly OnyxLink[],
  there: ReadonlySet<number>,
): RowRepair | undefined {
  const given = row.citations;
  const isMap = typeof given === 'object' && given !== null && !Array.isArray(given);
  const isEmpty = given === null || (Array.isArray(given) && given.length === 0);
  const named = new Map(isMap ? Object.entries(given) : []);
  const kept = new Map<string, number>();
  for (const [number, id] of named) if (typeof id === 'number' && there.has(id)) kept.set(number, id);
  const why: string[] = [];
  if (!isMap && !isEmpty) why.push('citations in a form that Onyx cannot read');
  if (kept.size < named.size) why.push('citations of documents that are not there');
  const links = new Set(linked.map(({ id }) => id));
  const link = [...new Set(kept.values())].filter((id) => !links.has(id));
  if (link.length > 0) why.push('citations of documents that are not linked');
  for (const [, number = '', url] of row.text.matchAll(/\[\[(\d{1,4})\]\]\(([^()\s]+)\)/g)) {
    const document = kept.has(number) ? undefined : linked.find((one) => one.link === url);
    if (document === undefined) continue;
    kept.set(number, document.id);
    why.push('marks without citations');
  }
  if (why.length === 0) return undefined;
  const citations = kept.size === 0 ? null : Object.fromEntries(kept);
  return { row, citations, link, why: [...new Set(why)].join('; ') };
}

/** Text that another tool wrote as it found it: marks of the private use area, and lists of content parts as JSON. */
export function planMessageText(row: OnyxRow): RowRepair | undefined {
  const parts = contentParts(row.text);
  const joined = parts === undefined ? row.text : parts.texts.join('\n\n');
  const text =
    row.type !== 'ASSISTANT'
      ? joined
      : joined.replaceAll(/\ue202turn\d+[a-z]+\d+/g, '').replaceAll(/[\ue200-\ue206]/g, '');
  if (text === row.text) return undefined;
  const thoughts = parts?.thoughts.join('\n\n') ?? '';
  const takesThoughts = thoughts !== '' && row.type === 'ASSISTANT' && (row.reasoning ?? '') === '';
  const why = parts === undefined ? 'marks that nothing shows' : 'content parts as JSON';
  return { row, text, why, ...(takesThoughts && { reasoning: thoughts }) };
}

/** The texts of `[{"type": "text", "text": "…"}, …]`; undefined for anything else, and where something would be lost. */
function contentParts(text: string): { readonly texts: string[]; readonly thoughts: string[] } | undefined {
  if (!text.startsWith('[{') || !text.trimEnd().endsWith('}]')) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return undefined;
  }
  const texts: string[] = [];
  const thoughts: string[] = [];
  for (const part of parts as readonly unknown[]) {
    const { type, text: said, think } = (part ?? {}) as Readonly<Record<string, unknown>>;
    const value = typeof said === 'object' && said !== null ? (said as { readonly value?: unknown }).value : said;
    if (type === 'text' && typeof value === 'string') texts.push(value);
    else if (type === 'think' && typeof think === 'string') thoughts.push(think);
    else return undefined;
  }
  return { texts, thoughts };
}
