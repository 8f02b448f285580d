import { isPair, isScalar, parseDocument, visit, type Scalar } from 'yaml';

import { EtlError } from '../errors.ts';
import { closest } from '../closest.ts';
import type { Environment } from './environment.ts';
import { interpolate } from './interpolate.ts';
import type { YamlFile } from './yaml-file.ts';

/**
 * Fills in the variables in all values of a YAML file, and gives those that are not set.
 *
 * It works on values that are parsed already: what a variable holds cannot change the file's structure. A value that is
 * written without quotes is read as YAML again (`batchSize: ${SIZE}` gives a number), one in quotes stays text. Tests
 * (`tests:`) are data and stay as they are.
 */
export function interpolateFile(yaml: YamlFile, environment: Environment): EtlError[] {
  const problems: EtlError[] = [];
  visit(yaml.document, {
    Pair(_, { key }, path) {
      // The path holds the document and its map: a key of the pipeline itself.
      return path.length === 2 && isScalar(key) && key.value === 'tests' ? visit.SKIP : undefined;
    },
    Scalar(key, scalar, path) {
      if (typeof scalar.value !== 'string' || (key === 'key' && isPair(path.at(-1)))) return;
      if (!scalar.value.includes('${')) return;
      const { text, problems: found } = interpolate(scalar.value, environment);
      for (const { name, index } of found) problems.push(variableProblem(yaml, scalar, name, index, environment));
      scalar.value = scalar.type === 'PLAIN' ? plainValue(text) : text;
    },
  });
  return problems;
}

function plainValue(text: string): unknown {
  const { contents, errors } = parseDocument(text);
  return errors.length === 0 && isScalar(contents) ? contents.value : text;
}

function variableProblem(
  yaml: YamlFile,
  scalar: Scalar,
  name: string | undefined,
  index: number,
  environment: Environment,
): EtlError {
  const where = yaml.placeAt(offsetOf(yaml, scalar, index));
  if (name === undefined) {
    return new EtlError('ETL_CONFIG_VARIABLE', 'this is not a variable', {
      where,
      hint: 'write ${NAME} or ${NAME:-default}; $${ stands for the characters ${',
    });
  }
  const near = closest(name, Object.keys(environment));
  const hint = near === undefined ? undefined : `set it, or did you mean ${near}?`;
  return new EtlError('ETL_CONFIG_VARIABLE', `the variable ${name} is not set`, { where, hint });
}

/** Where the variable stands in the file: escapes and line breaks make that differ from its place in the value. */
function offsetOf({ text }: YamlFile, scalar: Scalar, index: number): number {
  const [start = 0] = scalar.range ?? [];
  const before = String(scalar.value).slice(0, index).split('${').length - 1;
  const written = text
    .slice(start, scalar.range?.[1])
    .split('${')
    .slice(0, before + 1);
  return start + written.join('${').length;
}
