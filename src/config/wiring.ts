import type { Component, RecordKind } from '../component.ts';

/** A stage as far as the check of neighbours needs it. */
export interface WiredStage {
  readonly name: string;
  readonly component: Component;
}

/** A stage that cannot take what comes to it. */
export interface WiringProblem {
  readonly stage: number;
  readonly what: string;
  readonly hint?: string | undefined;
}

/** What flows out of each stage, the sink left out. */
export function kindsAlong(stages: readonly WiredStage[]): RecordKind[] {
  let kind: RecordKind = 'any';
  return stages.flatMap(({ component }) => {
    if (component.role === 'sink') return [];
    if (component.gives !== 'same') kind = component.gives;
    return [kind];
  });
}

/** Checks that each stage takes what the one before it gives. A stage that gives `any` is taken on trust. */
export function wiringProblems(stages: readonly WiredStage[], known: readonly Component[]): WiringProblem[] {
  const kinds = kindsAlong(stages);
  return stages.flatMap(({ name, component }, index) => {
    const before = stages[index - 1];
    const given = kinds[index - 1];
    if (component.role === 'source' || before === undefined || given === undefined) return [];
    const { accepts } = component;
    if (given === 'any' || accepts === 'any' || accepts === 'same' || accepts === given) return [];
    const what = `${component.role} "${name}" takes records of kind "${accepts}", but "${before.name}" gives "${given}"`;
    return [{ stage: index, what, hint: bridge(given, accepts, known) }];
  });
}

function bridge(given: RecordKind, wanted: RecordKind, known: readonly Component[]): string | undefined {
  const between = known.find(
    (component) => component.role === 'transform' && component.accepts === given && component.gives === wanted,
  );
  if (between !== undefined) return `put the transform "${between.type}" before it`;
  const sources = known
    .filter((component) => component.role === 'source' && component.gives === wanted)
    .map(({ type }) => `"${type}"`);
  return sources.length === 0 ? undefined : `sources that give "${wanted}": ${sources.join(', ')}`;
}
