import { HistoryReader } from '../../connections/langgraph-history.ts';
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
  head: ThreadHead,
  { pageSize, historyLimit, subgraphs, partBytes, spillPath }: ReadThreadOptions,
  signal: AbortSignal,
): Promise<ThreadText> {
  const collector = new ThreadCollector(partBytes, spillPath);
  // Namespaces in the order they are read: those of one namespace, found newest first, come oldest first.
  const namespaces = new Set(['']);
  let isLimited = false;
  let reader: HistoryReader | undefined;
  try {
    for (const namespace of namespaces) {
      collector.startNamespace();
      const most = namespace === '' ? historyLimit : undefined;
      let left = most ?? Number.POSITIVE_INFINITY;
      // One more than is wanted tells whether there are more.
      const limit = left + 1;
      const found: string[] = [];
      reader = new HistoryReader(connection, head.threadId, { namespace, pageSize, limit }, signal);
      while (!reader.isAtEnd) {
        const given = await reader.next();
        if (given === undefined) break;
        isLimited ||= given.count > left;
        const page = given.count > left ? { ...given, ...sliceJsonRecords(given, 0, left) } : given;
        left -= page.count;
        if (page.count === 0) continue;
        if (subgraphs && given.mayHoldMark) addNamespaces(page, found);
        const spilling = collector.add(page);
        if (spilling !== undefined) await spilling;
      }
      if (found.length > 0) for (const name of [...new Set(found)].reverse()) namespaces.add(name);
    }
    return collector.finish(head, isLimited);
  } catch (error) {
    await reader?.close();
    await collector.close();
    throw error;
  }
}

/** Finds the namespaces that tasks of these checkpoints ran subgraphs in. */
function addNamespaces(page: JsonRecords, found: string[]): void {
  const text = asBuffer(page.bytes);
  for (let i = 0; i < page.count; i++) {
    const member = jsonMember(jsonMembers(text, page.starts[i], page.ends[i]), 'tasks');
    const tasks = member === undefined ? [] : jsonValue(text, member);
    for (const task of Array.isArray(tasks) ? (tasks as unknown[]) : []) {
      const checkpoint = fieldOf(task, 'checkpoint');
      const namespace = fieldOf(checkpoint, 'checkpoint_ns');
      if (typeof namespace === 'string' && namespace !== '') found.push(namespace);
    }
  }
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
}
