import { isDeepStrictEqual } from 'node:util';

import { isMap, isNode, isScalar, isSeq, parseDocument, stringify, type YAMLMap } from 'yaml';

import { EtlError } from '../errors.ts';

/**
 * Puts the records that a test of a pipeline file is to expect in the place of those that are there, or adds them. Nothing
 * else in the file changes: comments, quotes and spaces stay as they are.
 *
 * @throws {EtlError} `ETL_CONFIG_SYNTAX` when the test is written in a way that leaves no place for them.
 */
export function replaceExpected(text: string, test: number, records: readonly unknown[]): string {
  const path = ['tests', test];
  const map = parseDocument(text).getIn(path);
  const replaced = isMap(map) ? withExpected(text, map, records) : text;
  const result: unknown = parseDocument(replaced, { logLevel: 'error' }).toJS();
  if (isDeepStrictEqual(valueAt(result, [...path, 'expect']), records)) return replaced;
  throw new EtlError('ETL_CONFIG_SYNTAX', `cannot write the expected records of test ${test + 1} into the file`, {
    hint: 'write its `expect:` on a line of its own',
  });
}

function withExpected(text: string, map: YAMLMap, records: readonly unknown[]): string {
  const flow = JSON.stringify(records);
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === 'expect');
  if (pair === undefined) {
    const column = columnOf(text, rangeOf(map.items[0]?.key, text).start);
    const { end } = rangeOf(map.items.at(-1)?.value, text);
    const added = map.flow === true ? `, expect: ${flow}` : `\n${' '.repeat(column)}expect: ${flow}`;
    return text.slice(0, end) + added + text.slice(end);
  }
  const { start, end } = rangeOf(pair.value, text);
  const isBlock = isSeq(pair.value) && pair.value.flow !== true && records.length > 0;
  const written = isBlock ? blockText(records, columnOf(text, start)) : flow;
  // `expect:` without a value has no room of its own after the colon.
  return text.slice(0, start) + (start === end ? ' ' : '') + written + text.slice(end);
}

function blockText(records: readonly unknown[], column: number): string {
  const [first = '', ...lines] = stringify(records, { lineWidth: 0, aliasDuplicateObjects: false })
    .trimEnd()
    .split('\n');
  return [first, ...lines.map((line) => (line === '' ? '' : ' '.repeat(column) + line))].join('\n');
}

/** Where a node's text begins and ends, without the white space that follows. */
function rangeOf(node: unknown, text: string): { readonly start: number; readonly end: number } {
  const [start, end] = (isNode(node) ? node.range : undefined) ?? [text.length, text.length];
  return { start, end: Math.max(start, text.slice(0, end).trimEnd().length) };
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce(
    (at: unknown, step) => (at as Readonly<Record<string | number, unknown>> | undefined)?.[step],
    value,
  );
}
