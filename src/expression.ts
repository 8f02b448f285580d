import jsonata from 'jsonata';

import { EtlError } from './errors.ts';
import { LinearRegExp } from './linear-regexp.ts';
import { compileSimpleExpression, notSimple } from './simple-expression.ts';

/** An expression ready to be applied to records. */
export interface Expression {
  readonly text: string;
  /**
   * The expression's value for one record, `undefined` when it gives nothing. A promise only when the expression or the
   * record needs the full evaluator: `role = "user"` does not.
   *
   * @throws {EtlError} `ETL_EXPRESSION_INVALID` when it fails on this record (also by rejecting the promise).
   */
  evaluate(record: unknown): unknown;
}

// An expression takes microseconds, on a conversation of thousands of messages a tenth of a second.
export const defaultTimeoutMs = 2000;
const maxDepth = 500;
const maxSequence = 10_000_000;

/**
 * Compiles a JSONata expression.
 *
 * It sees the record and nothing else: no files, no network, no JavaScript, no prototypes; `$eval` is switched off. It
 * is stopped after `timeoutMs` for a record, at a call depth of 500, and at sequences of ten million. Its patterns are matched in
 * linear time ({@link LinearRegExp}).
 *
 * @throws {EtlError} `ETL_EXPRESSION_INVALID` with the column of the mistake.
 * @see https://docs.jsonata.org for the language (version 2)
 */
export function compileExpression(text: string, timeoutMs = defaultTimeoutMs): Expression {
  let deadline = Number.POSITIVE_INFINITY;
  // A search is quick, but there may be a great many of them: the evaluator does not look at the clock between.
  class TimedRegExp extends LinearRegExp {
    override exec(value: string): ReturnType<LinearRegExp['exec']> {
      // As the evaluator says it.
      if (Date.now() > deadline) throw Object.assign(new Error(), { code: 'D1012', value: timeoutMs });
      return super.exec(value);
    }
  }
  const compiled = compile(text, { timeout: timeoutMs, RegexEngine: TimedRegExp });
  checkPatterns(compiled.ast(), text);
  // Text from the data must not become code, not even inside the sandbox.
  compiled.assign('eval', undefined);
  const simple = compileSimpleExpression(compiled.ast());

  async function evaluateFully(record: unknown): Promise<unknown> {
    try {
      deadline = Date.now() + timeoutMs;
      return (await compiled.evaluate(record)) as unknown;
    } catch (error) {
      throw failureOf(text, error);
    }
  }

  return {
    text,
    evaluate(record) {
      if (simple === undefined) return evaluateFully(record);
      const value = simple(record);
      return value === notSimple ? evaluateFully(record) : value;
    },
  };
}

/** Whether a value counts as true, by the rules of JSONata's `$boolean`. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 1 ? isTrue(value[0]) : value.some(isTrue);
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0;
  return Boolean(value);
}

/**
 * An expression's value as a record: JSONata's values carry marks on arrays and objects without prototype.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` for a function, which has no JSON form.
 */
export function plainJson(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('_jsonata_function' in value || '_jsonata_lambda' in value) {
    throw new EtlError('ETL_RECORD_INVALID', 'the expression gives a function, which has no JSON form');
  }
  if ('toJSON' in value) return value;
  if (Array.isArray(value)) return value.map(plainJson);
  // Through entries, so that a field called `__proto__` stays a field.
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plainJson(field)]));
}

function compile(
  text: string,
  { timeout, RegexEngine }: { readonly timeout: number; readonly RegexEngine: typeof LinearRegExp },
): jsonata.Expression {
  try {
    return jsonata(text, {
      timeout,
      stack: maxDepth,
      sequence: maxSequence,
      // Of the engine it uses what LinearRegExp has: the constructor, with a RegExp, `exec` and `lastIndex`.
      RegexEngine: RegexEngine as unknown as RegExpConstructor,
    });
  } catch (error) {
    throw failureOf(text, error);
  }
}

/**
 * Finds patterns that cannot be matched before there are records, with their place.
 *
 * @throws {EtlError} `ETL_EXPRESSION_INVALID`.
 */
function checkPatterns(ast: unknown, text: string): void {
  const seen = new Set<unknown>();
  const left: unknown[] = [ast];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node === null || typeof node !== 'object' || seen.has(node)) continue;
    seen.add(node);
    for (const part of Object.values(node) as unknown[]) {
      if (!(part instanceof RegExp)) {
        left.push(part ?? null);
        continue;
      }
      try {
        new LinearRegExp(part);
      } catch (error) {
        const { position } = node as { readonly position?: number };
        if (!(error instanceof EtlError) || position === undefined) throw error;
        const { code, message, hint } = error;
        throw new EtlError(code, `${message}, in: ${text.replace(/\n+$/, '')}`, { where: { column: position }, hint });
      }
    }
  }
}

function failureOf(text: string, error: unknown): EtlError {
  if (error instanceof EtlError) return error;
  // JSONata throws plain objects: code, message, position (characters from 1) and token.
  const { code, message, position } = error as Partial<jsonata.JsonataError>;
  const what = `${message ?? String(error)}${code === undefined ? '' : ` (${code})`} in: ${text.replace(/\n+$/, '')}`;
  return new EtlError('ETL_EXPRESSION_INVALID', what, {
    where: position === undefined || position <= 0 ? {} : { column: position },
    hint:
      code === 'D1012'
        ? 'Raise `timeoutMs` where the expression needs that long; otherwise it goes round in circles.'
        : 'See https://docs.jsonata.org for the language.',
    cause: error instanceof Error ? error : undefined,
  });
}
