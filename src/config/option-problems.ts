import type { z } from 'zod';

import { closest } from '../closest.ts';
import { schemasAt, typeText, type JsonSchema } from './option-info.ts';

/** One thing that is wrong with options: what, where (`of: 'key'`: the option's name, not its value), what to do. */
export interface OptionProblem {
  readonly what: string;
  readonly path: readonly PropertyKey[];
  readonly of: 'key' | 'value';
  readonly hint?: string | undefined;
}

interface Subject {
  /** Whose options they are: `source "jsonl"`. */
  readonly name: string;
  readonly schema: JsonSchema;
  readonly value: unknown;
  /** Options that go together with the schema's own, such as `type`. */
  readonly also?: readonly string[];
}

type Issue = z.core.$ZodIssue;

/** What zod found, in words that name the option, what it should be, and what it is. */
export function optionProblems(issues: readonly Issue[], subject: Subject): OptionProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, subject));
}

function problemsOf(issue: Issue, subject: Subject): OptionProblem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownOption(key, path, subject));
  if (issue.code === 'invalid_union') {
    const inside = bestBranch(issue.errors);
    if (inside !== undefined)
      return inside.flatMap((inner) => problemsOf({ ...inner, path: [...path, ...inner.path] }, subject));
  }
  const received = valueAt(subject.value, path);
  if (received === undefined && path.length > 0) return [missingOption(path, subject)];
  const schemas = schemasAt(subject.schema, path);
  // Checks of a component's own, and formats such as URLs, say themselves what is wrong.
  if (issue.code === 'custom') return [{ what: `${nameOf(path, subject)} ${issue.message}`, path, of: 'value' }];
  const own = issue.code === 'invalid_format' || schemas.length === 0 ? issue.message : undefined;
  const isSecret = schemas.some(({ secret }) => secret === true);
  const expected = own ?? `expected ${lengthText(issue) ?? expectedText(schemas)}`;
  const what = `${expected} for ${nameOf(path, subject)}, received ${isSecret ? kindOf(received) : receivedText(received)}`;
  return [{ what, path, of: 'value', hint: hintFor(schemas, received) }];
}

/** What text or a list that is too short or too long should be: its type, which is all that the schema tells, is right. */
function lengthText(issue: Issue): string | undefined {
  if (issue.code !== 'too_small' && issue.code !== 'too_big') return undefined;
  if (issue.origin !== 'string' && issue.origin !== 'array') return undefined;
  const [side, limit] = issue.code === 'too_small' ? ['at least', issue.minimum] : ['at most', issue.maximum];
  const [one, many] = issue.origin === 'string' ? ['character', 'characters'] : ['entry', 'entries'];
  return `${side} ${limit} ${Number(limit) === 1 ? one : many}`;
}

function unknownOption(key: string, path: readonly PropertyKey[], { schema, also = [], name }: Subject): OptionProblem {
  const known = schemasAt(schema, path).flatMap(({ properties = {} }) => Object.keys(properties));
  if (path.length === 0) known.push(...also);
  const near = closest(key, known);
  const inside = path.length === 0 ? name : `"${pathText(path)}" of ${name}`;
  const hint = near === undefined ? `there are: ${known.join(', ')}` : `try "${near}"`;
  return { what: `unknown option "${key}" for ${inside}`, path: [...path, key], of: 'key', hint };
}

function missingOption(path: readonly PropertyKey[], { schema, name }: Subject): OptionProblem {
  const [description] = schemasAt(schema, path).flatMap((at) => at.description ?? []);
  const option = pathText(path);
  const hint = description === undefined ? undefined : `"${option}": ${description}`;
  return { what: `missing option "${option}" for ${name}`, path: path.slice(0, -1), of: 'value', hint };
}

/** Of several alternatives the one that was meant: whose kind of value fits, so that its problems lie deeper. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const deeper = branches.filter(
    (issues) => issues.length > 0 && issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  return deeper.length === 1 ? deeper[0] : undefined;
}

function expectedText(schemas: readonly JsonSchema[]): string {
  return [...new Set(schemas.map(typeText))]
    .map((text) => (/^["\-0-9tf]/.test(text) ? text : `${/^[aio]/.test(text) ? 'an' : 'a'} ${text}`))
    .join(' or ');
}

function hintFor(schemas: readonly JsonSchema[], received: unknown): string | undefined {
  const values = schemas.flatMap((schema) => [
    ...(schema.enum ?? []),
    ...(schema.const === undefined ? [] : [schema.const]),
  ]);
  if (typeof received === 'string') {
    const near = closest(
      received,
      values.filter((value) => typeof value === 'string'),
    );
    return near === undefined ? undefined : `try "${near}"`;
  }
  const wantsText = schemas.some(({ type }) => type === 'string');
  return wantsText && (typeof received === 'number' || typeof received === 'boolean') ? 'put it in quotes' : undefined;
}

function nameOf(path: readonly PropertyKey[], { name }: Subject): string {
  return path.length === 0 ? name : `"${pathText(path)}"`;
}

/** `to.max`, `paths[2]` */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, depth) => (typeof step === 'number' ? `[${step}]` : `${depth === 0 ? '' : '.'}${String(step)}`))
    .join('');
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce(
    (at: unknown, step) =>
      at !== null && typeof at === 'object' ? (at as Readonly<Record<PropertyKey, unknown>>)[step] : undefined,
    value,
  );
}

function receivedText(value: unknown): string {
  if (value === null) return 'nothing';
  if (typeof value === 'object') return kindOf(value);
  const text = JSON.stringify(value) ?? 'nothing';
  return `${text.length > 60 ? `${text.slice(0, 60)}…` : text} (${typeof value})`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}
