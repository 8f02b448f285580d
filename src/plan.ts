import { createHash } from 'node:crypto';

import { canonicalJson } from './canonical-json.ts';
import type { Json } from './json.ts';
import type { RejectPolicy } from './rejects.ts';
import type { Progress, RunIdentity, Sink, Source, Transform } from './stage.ts';

/** A pipeline as the engine runs it: stages in order, with names that are unique in the run. */
export interface PipelinePlan {
  readonly name: string;
  readonly source: Source<unknown>;
  readonly transforms: readonly Transform<unknown, unknown>[];
  readonly sink: Sink<unknown>;
  readonly onReject: RejectPolicy;
}

/** The stages' names in a run, from the source to the sink: `-2`, `-3` is added to one that occurs again. */
export function stageNames({ source, transforms, sink }: PipelinePlan): string[] {
  const seen = new Map<string, number>();
  return [source, ...transforms, sink].map(({ name }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}-${times}`;
  });
}

/** What makes a repeated command the same run. */
export function identityOf(plan: PipelinePlan): RunIdentity {
  const describe = ({ name, config }: { readonly name: string; readonly config?: Json | undefined }): Json => ({
    [name]: config ?? {},
  });
  const config: Json = {
    name: plan.name,
    source: describe(plan.source),
    transforms: plan.transforms.map(describe),
    sink: describe(plan.sink),
  };
  const digest = createHash('sha256').update(canonicalJson(config)).digest('hex').slice(0, 16);
  return { pipeline: plan.name, digest, config };
}

/** What running a pipeline does, going by what an earlier run of it has left. */
export type NextStep =
  /** It begins, and knows nothing of an earlier run. */
  | 'start'
  /** It begins again; only the target is taken back to where it stood. */
  | 'startOver'
  | 'resume'
  /** It was finished before, and what it wrote is there. */
  | 'nothing'
  /** It was begun with another configuration, and something was committed. */
  | 'refuse';

/** What comes next; see {@link NextStep}. */
export async function nextStep(
  saved: Progress | undefined,
  digest: string,
  sink: Pick<Sink<never>, 'isGone'>,
): Promise<NextStep> {
  const next = nextBy(saved, digest);
  return next === 'nothing' && (await sink.isGone?.()) === true ? 'start' : next;
}

function nextBy(saved: Progress | undefined, digest: string): NextStep {
  if (saved === undefined) return 'start';
  // Without a cursor there is no telling whether the input is the same again (standard input, a plain stream).
  if (saved.status === 'finished' && saved.position === null) return 'start';
  if (saved.status === 'sampled') return 'startOver';
  // Nothing was committed under the old configuration, so there is nothing to lose.
  if (saved.digest !== digest) return saved.status === 'running' && saved.position === null ? 'startOver' : 'refuse';
  return saved.status === 'finished' ? 'nothing' : 'resume';
}

/** What differs between two configurations: `sink.jsonl.path: "a" → "b"` for every option that differs. */
export function differences(before: Json, after: Json, path = ''): string[] {
  if (canonicalJson(before) === canonicalJson(after)) return [];
  if (!isObject(before) || !isObject(after)) return [`${path}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) =>
    differences(before[key] ?? null, after[key] ?? null, path === '' ? key : `${path}.${key}`),
  );
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === 'object';
}
