import type { HistoryEntry, Runtime, ThreadRecord, ThreadRow } from '../models/langgraph.ts';
import { asShown, comparableError, isHidden, withoutTaskIds } from '../models/langgraph-exact.ts';
import {
  compareThread,
  contentAspects,
  exactAspects,
  isFaithful,
  type ExactAspect,
  type FidelityDifference,
} from '../models/langgraph-fidelity.ts';
import { comparableValue, keptMetadata, type EntrySummary } from '../models/langgraph-summary.ts';
import { valueDifferences } from '../models/value-differences.ts';
import type { Source } from '../stage.ts';
import { hidesResults } from './langgraph-history-digests.ts';
import type { SideSource, ThreadReader } from './langgraph-read-side.ts';
import type { ThreadDifference } from './langgraph-validate.ts';

/** Differing checkpoints that are listed of a thread, and of how many of them it is said where they differ. */
const listed = 10;
const looked = 3;

interface Sides {
  readonly source: SideSource;
  readonly target: SideSource;
  readonly level: 'content' | 'exact';
  readonly read: (side: Source<ThreadRecord>, each: ThreadReader) => Promise<unknown>;
}

interface Side {
  readonly summaries: readonly EntrySummary[];
  readonly runtime: Runtime;
}

/**
 * Reads both sides of the threads whose history differs again: which checkpoints it is; then once more, where in the first of
 * them. Memory: summaries of these threads, and a few checkpoints of each.
 */
export async function explained(
  differences: readonly ThreadDifference[],
  sides: Sides,
): Promise<readonly ThreadDifference[]> {
  const ids = differences.filter(({ kind }) => kind === 'history').map(({ thread_id }) => thread_id);
  if (ids.length === 0) return differences;
  const here = await summariesOf(sides.source, ids, sides);
  const there = await summariesOf(sides.target, ids, sides);
  /** Threads of which one side does not show all results. */
  const partial = new Set<string>();
  const compared = differences.map((difference) => {
    const id = difference.thread_id.toLowerCase();
    const [one, two] = [here.get(id), there.get(id)];
    if (one !== undefined && two !== undefined && hidesResults(one.runtime, two.runtime)) partial.add(id);
    if (difference.kind !== 'history' || one === undefined || two === undefined) return difference;
    return compare(difference, one, two, sides.level);
  });
  return await withPlaces(compared, sides, partial);
}

async function summariesOf(
  side: SideSource,
  ids: readonly string[],
  { read }: Pick<Sides, 'read'>,
): Promise<Map<string, Side>> {
  const wanted = new Set(ids.map((id) => id.toLowerCase()));
  const found = new Map<string, Side>();
  await read(side(ids), {
    thread({ thread_id }: ThreadRow, summaries, runtime) {
      const id = thread_id.toLowerCase();
      if (wanted.has(id)) found.set(id, { summaries, runtime });
    },
    failed: () => undefined,
  });
  return found;
}

function compare(difference: ThreadDifference, here: Side, there: Side, level: Sides['level']): ThreadDifference {
  const aspects: readonly ExactAspect[] =
    level === 'content'
      ? contentAspects
      : exactAspects.filter((aspect) => aspect !== 'task ids' || here.runtime === there.runtime);
  const seen = hidesResults(here.runtime, there.runtime) ? asShown : (all: readonly EntrySummary[]) => all;
  const all = compareThread(difference.thread_id, seen(here.summaries), seen(there.summaries), {
    maxDifferences: 1000,
  });
  const relevant = all.differences.filter(
    ({ kind }) => kind === 'missing' || kind === 'extra' || aspects.includes(kind),
  );
  const { paired } = all.checkpoints;
  const wrong = aspects
    .filter((aspect) => (all.matched[aspect] ?? 0) < paired)
    .map((aspect) => `${aspect} ${all.matched[aspect] ?? 0}/${paired}`);
  const counts = `${here.summaries.length} checkpoints in the source, ${there.summaries.length} in the target`;
  const detail = isFaithful(all, aspects) ? `${counts}; it changed meanwhile` : [counts, ...wrong].join(', ');
  return { ...difference, detail, fidelity: { ...all, differences: relevant.slice(0, listed) } };
}

/** What is compared by digest: to say where it differs takes the checkpoints themselves. */
const digested: Readonly<
  Partial<Record<FidelityDifference['kind'], (entry: HistoryEntry, isPartial: boolean) => unknown>>
> = {
  values: ({ values }) => comparableValue(values),
  metadata: ({ metadata }) => withoutTaskIds(keptMetadata(metadata)),
  interrupts: ({ tasks }) => tasks.map(({ name, interrupts = [] }) => ({ name, asks: interrupts.map(valueOf) })),
  tasks: ({ tasks }, isPartial) =>
    tasks.map((task) => {
      const { name, result = null } = task;
      return comparableValue({
        name,
        error: comparableError(task),
        result: isPartial && isHidden(task) ? null : result,
      });
    }),
  'task ids': ({ tasks, checkpoint, metadata }) => ({
    checkpoint_ns: checkpoint.checkpoint_ns,
    tasks: tasks.map(({ id, interrupts = [] }) => ({ id, interrupts: interrupts.map((question) => question.id) })),
    metadata: keptMetadata(metadata),
  }),
};

async function withPlaces(
  differences: readonly ThreadDifference[],
  { source, target, read }: Sides,
  partial: ReadonlySet<string>,
): Promise<readonly ThreadDifference[]> {
  const here = new Map<string, HistoryEntry | undefined>();
  const there = new Map<string, HistoryEntry | undefined>();
  const threads = new Set<string>();
  for (const { thread_id, fidelity } of differences) {
    const first = (fidelity?.differences ?? []).filter(({ kind }) => digested[kind] !== undefined).slice(0, looked);
    for (const { id, targetId = id } of first) {
      threads.add(thread_id);
      here.set(keyOf(thread_id, id), undefined);
      there.set(keyOf(thread_id, targetId), undefined);
    }
  }
  if (threads.size === 0) return differences;
  for (const [side, wanted] of [[source, here] as const, [target, there] as const]) {
    await read(side([...threads]), {
      thread: () => undefined,
      failed: () => undefined,
      entry(threadId, entry) {
        const key = keyOf(threadId, entry.checkpoint.checkpoint_id);
        if (wanted.has(key)) wanted.set(key, entry);
      },
    });
  }
  const placed = (threadId: string, difference: FidelityDifference): FidelityDifference => {
    const { kind, id, targetId = id, detail: _, ...rest } = difference;
    const part = digested[kind];
    if (part === undefined) return difference;
    const [one, two] = [here.get(keyOf(threadId, id)), there.get(keyOf(threadId, targetId))];
    const isPartial = partial.has(threadId.toLowerCase());
    const pair = targetId === id ? { id } : { id, targetId };
    if (one === undefined || two === undefined) return { kind, ...pair, ...rest };
    return { kind, ...pair, ...rest, detail: valueDifferences(part(one, isPartial), part(two, isPartial)) };
  };
  return differences.map((difference) => {
    const { fidelity, thread_id: id } = difference;
    if (fidelity === undefined) return difference;
    return {
      ...difference,
      fidelity: { ...fidelity, differences: fidelity.differences.map((each) => placed(id, each)) },
    };
  });
}

function keyOf(threadId: string, checkpointId: string): string {
  return `${threadId.toLowerCase()} ${checkpointId}`;
}

function valueOf({ value = null }: { readonly value?: unknown }): unknown {
  return value;
}
