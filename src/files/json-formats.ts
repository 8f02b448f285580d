import { splitJsonArray } from '../formats/json-array.ts';
import type { BadJson, ChunkLimits } from '../formats/json-chunk.ts';
import { readJsonLines } from '../formats/json-lines.ts';
import type { BadRecord, RecordFormat } from './read-records.ts';

type Limits = ChunkLimits & { readonly maxLineBytes: number };

/** One JSON value a line, numbered from 1. */
export function jsonLinesFormat(limits: Limits): RecordFormat {
  return {
    first: 1,
    label: (path, line) => `${path}:${line}`,
    async *read(_input, bytes, { offset, number }, { signal }) {
      for await (const chunk of readJsonLines(bytes, { ...limits, start: { offset, line: number }, signal })) {
        const { json, lines, offsets, end } = chunk;
        const bad = chunk.bad.map((entry) => badRecord(entry, entry.line, limits));
        yield {
          json,
          bad,
          numberAt: (index) => lines[index] ?? 0,
          offsetAt: (index) => offsets[index] ?? 0,
          end: { offset: end.offset, number: end.line },
        };
      }
    },
  };
}

/** The elements of one array, numbered from 0; `at` is the path of the member that holds it. */
export function jsonArrayFormat(at: string | undefined, limits: Limits): RecordFormat {
  return {
    first: 0,
    label: (path, element) => `${path} ${at ?? ''}[${element}]`,
    async *read(_input, bytes, { offset, number }, { signal }) {
      const start = offset === 0 ? undefined : { offset, index: number };
      for await (const chunk of splitJsonArray(bytes, { ...limits, at, start, signal })) {
        const { json, elements, offsets, end } = chunk;
        const bad = chunk.bad.map((entry) => badRecord(entry, entry.element, limits));
        yield {
          json,
          bad,
          numberAt: (index) => elements[index] ?? 0,
          offsetAt: (index) => offsets[index] ?? 0,
          end: { offset: end.offset, number: end.index },
          separatorBytes: 1,
        };
      }
    },
  };
}

function badRecord({ index, offset, length, reason, text }: BadJson, number: number | undefined, limits: Limits): BadRecord {
  return { index, offset, number: number ?? 0, reason, record: text, isTooLarge: length > limits.maxLineBytes };
}
