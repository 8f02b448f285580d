import type jsonata from 'jsonata';

/** Says that this record needs the full evaluator: an array on the way, an error to be reported. */
export const notSimple: unique symbol = Symbol('not simple');

type Value = unknown;
type Evaluate = (record: Value) => Value;

/**
 * Compiles what most conditions are made of to plain functions, from JSONata's own syntax tree: paths, literals,
 * comparisons, `in` a list of literals, `and`, `or`, `$not`, `$exists`, `$boolean`.
 *
 * The meaning is JSONata's. Whatever could differ (an array where a path maps over it, values that cannot be compared)
 * gives {@link notSimple} at run time, and the record goes to JSONata itself. Nothing when the expression has other parts.
 */
export function compileSimpleExpression(node: jsonata.ExprNode): Evaluate | undefined {
  if ('predicate' in node || 'group' in node || node.stages !== undefined) return undefined;
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value': {
      const literal = node.value as Value;
      return () => literal;
    }
    case 'block':
      return node.expressions?.length === 1 && node.expressions[0] !== undefined
        ? compileSimpleExpression(node.expressions[0])
        : undefined;
    case 'binary':
      return compileBinary(node);
    case 'function':
      return compileCall(node);
    default:
      // The type declaration of jsonata 2.2 leaves out "path".
      return (node.type as string) === 'path' ? compileSteps(node) : undefined;
  }
}

function compileSteps(node: jsonata.ExprNode): Evaluate | undefined {
  const steps = node.steps ?? [];
  if ('keepSingletonArray' in node || 'tuple' in node) return undefined;
  const names: string[] = [];
  for (const step of steps) {
    const known = Object.keys(step).every((key) => key === 'type' || key === 'value' || key === 'position');
    if (step.type !== 'name' || !known || typeof step.value !== 'string') return undefined;
    names.push(step.value);
  }
  return (record) => {
    let value = record;
    for (const name of names) {
      if (value === null || typeof value !== 'object') return undefined;
      if (Array.isArray(value)) return notSimple;
      if (!Object.hasOwn(value, name)) return undefined;
      value = (value as Readonly<Record<string, Value>>)[name];
    }
    return typeof value === 'function' ? notSimple : value;
  };
}

function compileBinary(node: jsonata.ExprNode): Evaluate | undefined {
  const operator = node.value as string;
  const left = compileSimpleExpression(node.lhs as jsonata.ExprNode);
  if (left === undefined || node.rhs === undefined) return undefined;
  if (operator === 'in') return compileMembership(left, node.rhs);
  const right = compileSimpleExpression(node.rhs);
  if (right === undefined) return undefined;
  switch (operator) {
    case '=':
    case '!=': {
      const wanted = operator === '=';
      return (record) => {
        const equal = areEqual(left(record), right(record));
        // Nothing is neither equal nor unequal to anything.
        return equal === undefined ? false : equal === notSimple ? notSimple : equal === wanted;
      };
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (record) => compare(operator, left(record), right(record));
    case 'and':
    case 'or': {
      const decided = operator === 'or';
      return (record) => {
        const first = truth(left(record));
        if (first === notSimple || first === decided) return first;
        return truth(right(record));
      };
    }
    default:
      return undefined;
  }
}

function compileMembership(left: Evaluate, list: jsonata.ExprNode): Evaluate | undefined {
  if (list.type !== 'unary' || list.value !== '[' || 'consarray' in list) return undefined;
  const literals: Value[] = [];
  for (const item of list.expressions ?? []) {
    if (item.type !== 'string' && item.type !== 'number' && item.type !== 'value') return undefined;
    literals.push(item.value as Value);
  }
  const members = new Set(literals);
  return (record) => {
    const value = left(record);
    if (value === undefined) return false;
    return isPlain(value) ? members.has(value) : notSimple;
  };
}

function compileCall(node: jsonata.ExprNode): Evaluate | undefined {
  const [argument, more] = node.arguments ?? [];
  const { procedure } = node;
  if (procedure?.type !== 'variable' || argument === undefined || more !== undefined) return undefined;
  const name = procedure.value as string;
  const value = compileSimpleExpression(argument);
  if (value === undefined) return undefined;
  switch (name) {
    case 'exists':
      return (record) => {
        const found = value(record);
        return found === notSimple ? notSimple : found !== undefined;
      };
    case 'not':
    case 'boolean':
      return (record) => {
        const found = value(record);
        if (found === undefined) return undefined;
        const claim = truth(found);
        return claim === notSimple ? notSimple : claim === (name === 'boolean');
      };
    default:
      return undefined;
  }
}

function areEqual(left: Value, right: Value): boolean | undefined | typeof notSimple {
  if (left === notSimple || right === notSimple) return notSimple;
  if (left === undefined || right === undefined) return undefined;
  if (left === right) return true;
  return isPlain(left) || isPlain(right) ? false : notSimple;
}

function compare(operator: '<' | '<=' | '>' | '>=', left: Value, right: Value): Value {
  const comparable = (value: Value): boolean =>
    value === undefined || typeof value === 'string' || typeof value === 'number';
  // Values that cannot be compared are an error: JSONata words it.
  if (!comparable(left) || !comparable(right)) return notSimple;
  if (left === undefined || right === undefined) return undefined;
  if (typeof left !== typeof right) return notSimple;
  const [a, b] = [left as number, right as number];
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}

function truth(value: Value): boolean | typeof notSimple {
  if (value === undefined || value === null) return false;
  if (typeof value === 'number') return Number.isFinite(value) ? value !== 0 : notSimple;
  if (typeof value === 'string' || typeof value === 'boolean') return Boolean(value);
  return notSimple;
}

function isPlain(value: Value): boolean {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
