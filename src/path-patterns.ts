import { z } from 'zod';

import { parsePath, PathError, type PathStep } from './paths.ts';

/**
 * Where a walk through a value stands with respect to a set of patterns.
 *
 * `group` is the first group of patterns that matches exactly here; `isDead` says that nothing below can match.
 */
export interface PatternPlace {
  readonly group: number | undefined;
  readonly isDead: boolean;
  /** The place of a property of the object here. */
  field(name: string): PatternPlace;
  /** The place of an element of the array here. */
  element(index: number): PatternPlace;
}

/**
 * Compiles groups of path patterns to one matcher, to be walked beside a value.
 *
 * A pattern is a field path in which `*` stands for any one field or element and `**` for any number of steps, none
 * included. A name or `**` before it goes through arrays by itself: `messages.text` is the text of every message.
 *
 * @throws {PathError} for a pattern that cannot be read, or that would match the record as a whole.
 */
export function compilePatterns(groups: readonly (readonly string[])[]): PatternPlace {
  const patterns = groups.flatMap((group, index) => group.map((text) => ({ group: index, steps: parsePattern(text) })));
  return new Place(
    patterns,
    patterns.map((_, pattern) => ({ pattern, step: 0 })),
    new Map(),
  );
}

/** A pattern as an option of a component. */
export const patternOption = z.string().superRefine((text, ctx) => {
  try {
    parsePattern(text);
  } catch (error) {
    ctx.addIssue({
      code: 'custom',
      message: `not a path pattern: ${error instanceof Error ? error.message : String(error)}`,
    });
  }
});

interface Pattern {
  readonly group: number;
  readonly steps: readonly PathStep[];
}

/** A pattern and how many of its steps are behind. */
interface State {
  readonly pattern: number;
  readonly step: number;
}

class Place implements PatternPlace {
  readonly group: number | undefined;
  readonly isDead: boolean;
  readonly #patterns: readonly Pattern[];
  readonly #states: readonly State[];
  readonly #known: Map<string, Place>;
  /** Names that the patterns wait for here; all others lead to the same place. */
  readonly #names: ReadonlySet<string>;
  readonly #next = new Map<string | number, Place>();

  constructor(patterns: readonly Pattern[], states: readonly State[], known: Map<string, Place>) {
    this.#patterns = patterns;
    this.#known = known;
    this.#states = closed(patterns, states);
    this.isDead = this.#states.length === 0;
    const steps = this.#states.map((state) => stepOf(patterns, state));
    this.#names = new Set(steps.filter((step): step is string => typeof step === 'string' && !isWild(step)));
    const done = this.#states.filter((_, index) => steps[index] === undefined);
    const matched = done.map(({ pattern }) => patterns[pattern]?.group ?? 0);
    this.group = matched.length === 0 ? undefined : Math.min(...matched);
  }

  field(name: string): PatternPlace {
    // No property is called '' and waited for, so '' can stand for all names that are not.
    const key = this.#names.has(name) ? name : '';
    return this.#follow(key, (step) => step === key || step === '*');
  }

  element(index: number): PatternPlace {
    const waited = this.#states.some((state) => stepOf(this.#patterns, state) === index);
    const key = waited ? index : -1;
    return this.#follow(key, (step) => step === key || step === '*', true);
  }

  #follow(key: string | number, takes: (step: PathStep) => boolean, isElement = false): Place {
    const known = this.#next.get(key);
    if (known !== undefined) return known;
    const states: State[] = [];
    for (const { pattern, step } of this.#states) {
      const wanted = stepOf(this.#patterns, { pattern, step });
      if (wanted === undefined) continue;
      const stays = wanted === '**' || (isElement && typeof wanted === 'string' && !isWild(wanted));
      if (stays) states.push({ pattern, step });
      else if (takes(wanted)) states.push({ pattern, step: step + 1 });
    }
    const id = states.map(({ pattern, step }) => `${pattern}:${step}`).join();
    const place = this.#known.get(id) ?? new Place(this.#patterns, states, this.#known);
    this.#known.set(id, place);
    this.#next.set(key, place);
    return place;
  }
}

/** `**` may stand for nothing: the step after it counts as reached, too. */
function closed(patterns: readonly Pattern[], states: readonly State[]): State[] {
  const all: State[] = [];
  const seen = new Set<string>();
  for (const state of states) {
    let { step } = state;
    for (;;) {
      const id = `${state.pattern}:${step}`;
      if (!seen.has(id)) all.push({ pattern: state.pattern, step });
      seen.add(id);
      if (stepOf(patterns, { pattern: state.pattern, step }) !== '**') break;
      step += 1;
    }
  }
  return all;
}

function stepOf(patterns: readonly Pattern[], { pattern, step }: State): PathStep | undefined {
  return patterns[pattern]?.steps[step];
}

function parsePattern(text: string): PathStep[] {
  const steps = parsePath(text);
  if (steps.every((step) => step === '**')) throw new PathError('the pattern takes the whole record', 0);
  if (steps.includes('')) throw new PathError('a field without a name', 0);
  return steps;
}

function isWild(step: string): boolean {
  return step === '*' || step === '**';
}
