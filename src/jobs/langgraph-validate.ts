import { devNull } from 'node:os';

import { canonicalJson } from '../canonical-json.ts';
import { asThreadRecord, type ThreadRecord, type ThreadRow } from '../models/langgraph.ts';
import {
  compareThread,
  contentAspects,
  fidelityAspects,
  isFaithful,
  type FidelityAspect,
  type ThreadFidelity,
} from '../models/langgraph-fidelity.ts';
import { summarizeEntry, threadDigest, type EntrySummary } from '../models/langgraph-summary.ts';
import { pipeline } from '../pipeline.ts';
import type { Source } from '../stage.ts';

/** What differs between a thread of the source and of the target. */
export interface ThreadDifference {
  readonly kind: 'missing' | 'extra' | 'history' | 'metadata' | 'unreadable';
  readonly thread_id: string;
  readonly detail: string;
  /** For `history`: how much of it is the same, and the first checkpoints that are not. */
  readonly fidelity?: ThreadFidelity;
}

export interface ThreadValidation {
  readonly schema: 'threadmill/langgraph-validation@1';
  readonly ok: boolean;
  /** `content`: values, next nodes, questions and who came after whom. `exact`: ids, times and metadata too. */
  readonly level: 'content' | 'exact';
  readonly source: SideCounts;
  readonly target: SideCounts;
  readonly differences: {
    readonly total: number;
    readonly byKind: Readonly<Record<string, number>>;
    readonly first: readonly ThreadDifference[];
  };
}

export interface SideCounts {
  readonly threads: number;
  readonly checkpoints: number;
}

/** Makes the source of one side; with ids, of these threads only, as far as it can. */
export type SideSource = (ids?: readonly string[]) => Source<ThreadRecord>;

export interface ValidateOptions {
  readonly level?: 'content' | 'exact' | undefined;
  /** Differences to keep. Default 20. */
  readonly maxDifferences?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((stage: string, message: string) => void) | undefined;
  /** Told of every difference, also of those that are not kept. Those beyond `maxDifferences` have no `fidelity`. */
  readonly onDifference?: ((difference: ThreadDifference) => void) | undefined;
}

/** What is kept of each thread of the source while the target is read: about 300 bytes. */
interface Known {
  readonly digest: string;
  readonly metadata: string;
}

/**
 * Compares the threads of two places by content: which there are, then each one's history by digest, then its metadata. Of
 * the first that differ it reads both sides again to name the checkpoints.
 *
 * A thread that one side cannot read is a difference.
 *
 * @throws {EtlError} what ends reading a side: `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED`, `ETL_SOURCE_NOT_FOUND` …
 */
export async function validateThreads(
  source: SideSource,
  target: SideSource,
  { level = 'content', maxDifferences = 20, ...options }: ValidateOptions = {},
): Promise<ThreadValidation> {
  const found: ThreadDifference[] = [];
  const byKind: Record<string, number> = {};
  let total = 0;
  const differ = (difference: ThreadDifference): void => {
    total += 1;
    byKind[difference.kind] = (byKind[difference.kind] ?? 0) + 1;
    if (found.length < maxDifferences) found.push(difference);
    else options.onDifference?.(difference);
  };
  const unreadable = (side: string) => (threadId: string, reason: string) =>
    differ({ kind: 'unreadable', thread_id: threadId, detail: `cannot be read from the ${side}: ${reason}` });

  const known = new Map<string, Known | undefined>();
  const sourceCounts = await readThreads(source(), options, {
    thread: (row, summaries) =>
      known.set(row.thread_id.toLowerCase(), {
        digest: threadDigest(summaries, level),
        metadata: canonicalJson(keptMetadata(row)),
      }),
    failed: (id, reason) => {
      known.set(id.toLowerCase(), undefined);
      unreadable('source')(id, reason);
    },
  });
  const targetCounts = await readThreads(target(), options, {
    thread(row, summaries) {
      const id = row.thread_id.toLowerCase();
      const expected = known.get(id);
      if (!known.delete(id)) {
        differ({ kind: 'extra', thread_id: row.thread_id, detail: 'is in the target and not in the source' });
        return;
      }
      if (expected === undefined) return;
      const digest = threadDigest(summaries, level);
      if (expected.digest !== digest)
        differ({ kind: 'history', thread_id: row.thread_id, detail: `${summaries.length} checkpoints there differ` });
      const changed = changedMetadata(expected.metadata, row);
      if (changed.length > 0)
        differ({ kind: 'metadata', thread_id: row.thread_id, detail: `other values of ${changed.join(', ')}` });
    },
    failed(id, reason) {
      known.delete(id.toLowerCase());
      unreadable('target')(id, reason);
    },
  });
  for (const [id, expected] of known)
    if (expected !== undefined)
      differ({ kind: 'missing', thread_id: id, detail: 'is in the source and not in the target' });

  const first = await explained(found, source, target, level, options);
  for (const difference of first) options.onDifference?.(difference);
  return {
    schema: 'threadmill/langgraph-validation@1',
    ok: total === 0,
    level,
    source: sourceCounts,
    target: targetCounts,
    differences: { total, byKind, first },
  };
}

/** Reads both sides of the threads whose history differs again, and says what it is. */
async function explained(
  differences: readonly ThreadDifference[],
  source: SideSource,
  target: SideSource,
  level: 'content' | 'exact',
  options: ValidateOptions,
): Promise<readonly ThreadDifference[]> {
  const ids = differences.filter(({ kind }) => kind === 'history').map(({ thread_id }) => thread_id);
  if (ids.length === 0) return differences;
  const wanted = new Set(ids.map((id) => id.toLowerCase()));
  const sides: Map<string, readonly EntrySummary[]>[] = [];
  for (const side of [source, target]) {
    const summaries = new Map<string, readonly EntrySummary[]>();
    await readThreads(side(ids), options, {
      thread: (row, found) =>
        void (wanted.has(row.thread_id.toLowerCase()) && summaries.set(row.thread_id.toLowerCase(), found)),
      failed: () => undefined,
    });
    sides.push(summaries);
  }
  const aspects: readonly FidelityAspect[] = level === 'exact' ? fidelityAspects : contentAspects;
  return differences.map((difference) => {
    const [here, there] = sides.map((side) => side.get(difference.thread_id.toLowerCase()));
    if (difference.kind !== 'history' || here === undefined || there === undefined) return difference;
    const all = compareThread(difference.thread_id, here, there, { maxDifferences: 1000 });
    const relevant = all.differences.filter(
      ({ kind }) => kind === 'missing' || kind === 'extra' || aspects.includes(kind),
    );
    const fidelity = { ...all, differences: relevant.slice(0, 10) };
    const { paired } = all.checkpoints;
    const wrong = aspects
      .filter((aspect) => all.matched[aspect] < paired)
      .map((aspect) => `${aspect} ${all.matched[aspect]}/${paired}`);
    const counts = `${here.length} checkpoints in the source, ${there.length} in the target`;
    const detail = isFaithful(all, aspects) ? `${counts}; it changed meanwhile` : [counts, ...wrong].join(', ');
    return { ...difference, detail, fidelity };
  });
}

/** Reads a side to its end, thread by thread, parts put together. */
async function readThreads(
  source: Source<ThreadRecord>,
  { signal, onWarning }: ValidateOptions,
  each: {
    readonly thread: (row: ThreadRow, summaries: readonly EntrySummary[]) => unknown;
    readonly failed: (threadId: string, reason: string) => void;
  },
): Promise<SideCounts> {
  let threads = 0;
  let checkpoints = 0;
  let parts: EntrySummary[] = [];
  const named = { name: 'langgraph-validate', onReject: { to: devNull } };
  await pipeline(source, named)
    .to(async (records) => {
      for await (const value of records) {
        const { thread, history, part } = asThreadRecord(value);
        if ((part?.number ?? 1) === 1) parts = [];
        parts.push(...history.map(summarizeEntry));
        checkpoints += history.length;
        if (part?.isLast === false) continue;
        threads += 1;
        each.thread(thread, parts);
      }
    })
    .run({
      signal,
      onWarning,
      onReject: ({ record, reason, at }) => each.failed(idOf(record) ?? at, reason),
    });
  return { threads, checkpoints };
}

/** What servers set or leave out by themselves, and what an import notes. */
const ownMetadata = new Set(['run_id', 'thread_id', 'assistant_id', 'imported']);

function keptMetadata({ metadata }: ThreadRow): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(metadata ?? {}).filter(([name]) => !ownMetadata.has(name)));
}

/** Names of metadata of the source that the target has otherwise, or not at all. */
function changedMetadata(expected: string, row: ThreadRow): string[] {
  const there = keptMetadata(row);
  if (expected === canonicalJson(there)) return [];
  const here = JSON.parse(expected) as Readonly<Record<string, unknown>>;
  return Object.keys(here).filter((name) => canonicalJson(here[name]) !== canonicalJson(there[name] ?? null));
}

function idOf(record: unknown): string | undefined {
  if (typeof record !== 'object' || record === null || !('thread_id' in record)) return undefined;
  return typeof record.thread_id === 'string' ? record.thread_id : undefined;
}
