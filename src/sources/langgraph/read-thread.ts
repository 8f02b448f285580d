import { historyPages } from '../../connections/langgraph-history.ts';
import type { LanggraphConnection } from '../../connections/langgraph.ts';
import { jsonMember, jsonMembers, jsonValue } from '../../formats/json-members.ts';
import { asBuffer, sliceJsonRecords, type JsonRecords } from '../../formats/json-records.ts';
import { ThreadCollector, type ThreadHead, type ThreadText } from './thread-text.ts';

export interface ReadThreadOptions {
  readonly pageSize: number;
  /** Only so many of the newest checkpoints of the thread itself. */
  readonly historyLimit?: number | undefined;
  /** Whether to read the checkpoints of subgraphs too. */
  readonly subgraphs: boolean;
  readonly partBytes: number;
  /** A path for what does not fit in a part. */
  readonly spillPath: () => Promise<string>;
}

/**
 * Reads the whole history of one thread: its own checkpoints and those of every subgraph that ran in it, however deep.
 *
 * Namespaces of subgraphs are named by the tasks of the checkpoints above them.
 */
export async function readThread(
  connection: LanggraphConnection,
  head: Omit<ThreadHead, 'origin'>,
  { pageSize, historyLimit, subgraphs, partBytes, spillPath }: ReadThreadOptions,
  signal: AbortSignal,
): Promise<ThreadText> {
  const collector = new ThreadCollector(partBytes, spillPath);
  const known = new Set(['']);
  const waiting = [''];
  let isLimited = false;
  try {
    for (let namespace = waiting.shift(); namespace !== undefined; namespace = waiting.shift()) {
      collector.startNamespace();
      const most = namespace === '' ? historyLimit : undefined;
      // One more than is wanted tells whether there are more.
      const limit = most === undefined ? undefined : most + 1;
      const found: string[] = [];
      let left = most ?? Number.POSITIVE_INFINITY;
      for await (const given of historyPages(connection, head.threadId, { namespace, pageSize, limit }, signal)) {
        isLimited ||= given.count > left;
        const page = given.count > left ? sliceJsonRecords(given, 0, left) : given;
        left -= page.count;
        if (page.count === 0) continue;
        if (subgraphs) found.push(...namespacesIn(page).filter((name) => !known.has(name)));
        for (const name of found) known.add(name);
        await collector.add(page);
      }
      // Found newest first.
      waiting.push(...found.reverse());
    }
    const { runtime, version } = connection.info;
    const origin = version === undefined ? { runtime } : { runtime, version };
    return collector.finish({ ...head, origin }, isLimited);
  } catch (error) {
    await collector.close();
    throw error;
  }
}

// Without the quote before it: a search for a common byte first takes four times as long.
const name = Buffer.from('checkpoint_ns"');
const QUOTE = 0x22;

/** The namespaces that tasks of these checkpoints ran subgraphs in. */
function namespacesIn(page: JsonRecords): string[] {
  if (!namesNamespace(asBuffer(page.bytes))) return [];
  const found = new Set<string>();
  const text = asBuffer(page.bytes);
  for (let i = 0; i < page.count; i++) {
    const member = jsonMember(jsonMembers(text, page.starts[i], page.ends[i]), 'tasks');
    const tasks = member === undefined ? [] : jsonValue(text, member);
    for (const task of Array.isArray(tasks) ? (tasks as unknown[]) : []) {
      const checkpoint = fieldOf(task, 'checkpoint');
      const namespace = fieldOf(checkpoint, 'checkpoint_ns');
      if (typeof namespace === 'string' && namespace !== '') found.add(namespace);
    }
  }
  return [...found];
}

/** Whether some checkpoint in the text has a namespace. Most threads run no subgraph, and need no closer look. */
function namesNamespace(text: Buffer): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
    let value = at + name.length;
    while ((text[value] ?? 0x21) <= 0x20 || text[value] === 0x3a) value += 1;
    if (text[value] === QUOTE && text[value + 1] !== QUOTE) return true;
  }
  return false;
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
}
