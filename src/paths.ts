import { z } from 'zod';

/** One step of a field path: a property's name or an array's index. */
export type PathStep = string | number;

/** What is wrong with a path, and at which character (from 0). */
export class PathError extends Error {
  override readonly name = 'PathError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const nameEnd = /[.[\]]/g;
const indexStep = /\[(\d{1,9})\]/y;
const quotedStep = /\[("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]/y;

/**
 * Reads a field path: names joined by dots, `[0]` for an array's element, `["any name"]` for a name with a dot or bracket in
 * it: `messages[0].author.name`, `metadata["trace.id"]`.
 *
 * @throws {PathError} for anything else.
 */
export function parsePath(text: string): PathStep[] {
  const steps: PathStep[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === '[') {
      const [step, end] = bracketStep(text, at);
      steps.push(step);
      at = end;
    } else {
      if (steps.length > 0) {
        if (text[at] !== '.') throw new PathError(`expected "." or "[" after "${text.slice(0, at)}"`, at);
        at += 1;
      }
      nameEnd.lastIndex = at;
      const end = nameEnd.exec(text)?.index ?? text.length;
      if (end === at) throw new PathError('expected the name of a field', at);
      steps.push(text.slice(at, end));
      at = end;
    }
  }
  if (steps.length === 0) throw new PathError('expected the name of a field', 0);
  return steps;
}

/**
 * A function that reads the value at a path, `undefined` where there is none.
 *
 * Only a value's own properties are looked at: `__proto__` and `constructor` are names like any other.
 *
 * @throws {PathError} for a path that cannot be read.
 */
export function compilePath(path: string): (value: unknown) => unknown {
  const steps = parsePath(path);
  const [first] = steps;
  if (steps.length === 1 && first !== undefined) return (value) => fieldOf(value, first);
  return (value) => {
    let found = value;
    for (const step of steps) {
      if (found === undefined || found === null) return undefined;
      found = fieldOf(found, step);
    }
    return found;
  };
}

/** A path as an option of a component: checked with the rest of the configuration. */
export const pathOption = z.string().superRefine((text, ctx) => {
  const problem = problemOf(text);
  if (problem !== undefined) ctx.addIssue({ code: 'custom', message: `not a field path: ${problem}` });
});

function problemOf(text: string): string | undefined {
  try {
    parsePath(text);
    return undefined;
  } catch (error) {
    return error instanceof PathError ? `${error.message} at character ${error.offset + 1}` : String(error);
  }
}

function bracketStep(text: string, at: number): [PathStep, number] {
  indexStep.lastIndex = at;
  const index = indexStep.exec(text);
  if (index !== null) return [Number(index[1]), indexStep.lastIndex];
  quotedStep.lastIndex = at;
  const quoted = quotedStep.exec(text)?.[1];
  if (quoted === undefined) throw new PathError('expected [0] or ["name"]', at);
  return [quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1'), quotedStep.lastIndex];
}

function fieldOf(value: unknown, step: PathStep): unknown {
  if (value === null || typeof value !== 'object') return undefined;
  if (typeof step === 'number') return Array.isArray(value) ? (value[step] as unknown) : undefined;
  return Object.hasOwn(value, step) ? (value as Readonly<Record<string, unknown>>)[step] : undefined;
}
