import { BatchMemory } from '../formats/batch-memory.ts';
import { splitJsonArray } from '../formats/json-array.ts';
import type { BadJson, ChunkLimits } from '../formats/json-chunk.ts';
import { readJsonLines } from '../formats/json-lines.ts';
import { sliceJsonRecords } from '../formats/json-records.ts';
import type { InputFile } from './input-file.ts';
import type { BadRecord, RecordChunk, RecordFormat } from './read-records.ts';

const newline = 0x0a;
/** Memory of larger chunks is not kept. */
const mostChunkBytes = 2 * 1024 * 1024;

type Limits = ChunkLimits & { readonly maxLineBytes: number };

/** One JSON value a line, numbered from 1. */
export function jsonLinesFormat(limits: Limits): RecordFormat {
  return {
    first: 1,
    label: (path, line) => `${path}:${line}`,
    async *read(input, bytes, { offset, number }, { signal }) {
      const memory = new BatchMemory(mostChunkBytes);
      for await (const chunk of readJsonLines(bytes, { ...limits, start: { offset, line: number }, signal, memory })) {
        const { json, lines, offsets, end } = chunk;
        const whole: RecordChunk = {
          json,
          bad: chunk.bad.map((entry) => badRecord(entry, entry.line, limits)),
          numberAt: (index) => lines[index] ?? 0,
          offsetAt: (index) => offsets[index] ?? 0,
          end: { offset: end.offset, number: end.line },
          takeBack: chunk.takeBack,
        };
        yield endsInside(input, whole) ? withoutLast(whole) : whole;
      }
    },
  };
}

/** Whether the input was cut short inside the last line of a chunk: what is there of it may look like a line. */
function endsInside({ cut, end }: InputFile, chunk: RecordChunk): boolean {
  return cut !== undefined && end.lastByte !== newline && end.offset === chunk.end.offset;
}

function withoutLast({ json, bad, ...chunk }: RecordChunk): RecordChunk {
  const index = json.count - 1;
  const lastBad = bad.at(-1);
  if (lastBad !== undefined && (index < 0 || lastBad.offset > chunk.offsetAt(index))) {
    return { ...chunk, json, bad: bad.slice(0, -1), end: { offset: lastBad.offset, number: lastBad.number } };
  }
  const end = { offset: chunk.offsetAt(index), number: chunk.numberAt(index) };
  return { ...chunk, json: sliceJsonRecords(json, 0, index), bad, end };
}

/** The elements of one array, numbered from 0; `at` is the path of the member that holds it. */
export function jsonArrayFormat(at: string | undefined, limits: Limits): RecordFormat {
  return {
    first: 0,
    label: (path, element) => `${path} ${at ?? ''}[${element}]`,
    async *read(_input, bytes, { offset, number }, { signal }) {
      const start = offset === 0 ? undefined : { offset, index: number };
      const memory = new BatchMemory(mostChunkBytes);
      for await (const chunk of splitJsonArray(bytes, { ...limits, at, start, signal, memory })) {
        const { json, elements, offsets, end } = chunk;
        const bad = chunk.bad.map((entry) => badRecord(entry, entry.element, limits));
        yield {
          json,
          bad,
          numberAt: (index) => elements[index] ?? 0,
          offsetAt: (index) => offsets[index] ?? 0,
          end: { offset: end.offset, number: end.index },
          separatorBytes: 1,
          takeBack: chunk.takeBack,
        };
      }
    },
  };
}

function badRecord(
  { index, offset, length, reason, text }: BadJson,
  number: number | undefined,
  limits: Limits,
): BadRecord {
  return { index, offset, number: number ?? 0, reason, record: text, isTooLarge: length > limits.maxLineBytes };
}
