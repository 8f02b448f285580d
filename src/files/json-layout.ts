import { jsonLines } from '../formats/json-lines-out.ts';
import { jsonPieces, largeRecord } from '../formats/json-pieces.ts';
import type { JsonRecords } from '../formats/json-records.ts';
import type { Batch, StageContext } from '../stage.ts';
import type { Output } from './output.ts';
import type { FileLayout } from './file-layout.ts';

/** One JSON value a line. Records that are JSON text already are copied as they are. */
export const jsonLinesLayout: FileLayout<unknown> = {
  async write(batch, output, ctx) {
    if (batch.json === undefined) return writeValues(batch, output, ctx, { before: () => '', after: '\n' });
    const waiting = output.write(jsonLines(batch.json));
    if (waiting !== undefined) await waiting;
    return batch.json.count;
  },
};

/** One array of all records, one a line; with `at`, inside objects: `{"data":{"threads":[…]}}` for `data.threads`. */
export function jsonArrayLayout(at: string | undefined): FileLayout<unknown> {
  const path = at === undefined ? [] : at.split('.');
  return {
    head: `${path.map((key) => `{${JSON.stringify(key)}:`).join('')}[`,
    async write(batch, output, ctx, written) {
      let separator = written === 0 ? '\n' : ',\n';
      if (batch.json !== undefined) return writeElements(batch.json, output, separator);
      const before = (): string => {
        const now = separator;
        separator = ',\n';
        return now;
      };
      return writeValues(batch, output, ctx, { before, after: '' });
    },
    tail: (records) => `${records === 0 ? '' : '\n'}]${'}'.repeat(path.length)}\n`,
  };
}

/** What stands around each record. */
interface Framing {
  readonly before: () => string;
  readonly after: string;
}

/** Writes the records that have a JSON form, and rejects the others. */
async function writeValues(
  batch: Batch<unknown>,
  output: Output,
  ctx: StageContext,
  { before, after }: Framing,
): Promise<number> {
  let written = 0;
  const { records } = batch;
  const textOf = (batch.bytes ?? 0) > largeRecord ? jsonPieces : JSON.stringify;
  for (let index = 0; index < records.length; index += 1) {
    const record = records[index];
    const text = jsonText(record, textOf, (cause) => ctx.reject(record, cause, { batch, index }));
    if (text === undefined) continue;
    for (const piece of typeof text === 'string' ? [before() + text + after] : around(before(), text, after)) {
      const waiting = output.writeText(piece);
      if (waiting !== undefined) await waiting;
    }
    written += 1;
  }
  return written;
}

function* around(before: string, pieces: Iterable<string>, after: string): Generator<string> {
  yield before;
  yield* pieces;
  yield after;
}

type JsonText = string | Iterable<string>;

/** A record as JSON text; nothing, and the reason given to `fail`, when it has none: undefined, a function, a bigint, a cycle. */
function jsonText(
  record: unknown,
  textOf: (record: unknown) => JsonText | undefined,
  fail: (cause: unknown) => void,
): JsonText | undefined {
  let text: JsonText | undefined;
  try {
    // Gives undefined for undefined, functions and symbols.
    text = textOf(record);
  } catch (error) {
    fail(error);
    return undefined;
  }
  if (text === undefined) fail(new Error(`the record has no JSON form: it is ${describe(record)}`));
  return text;
}

function describe(record: unknown): string {
  return record === undefined ? 'undefined' : `a ${typeof record}`;
}

async function writeElements(
  { bytes, starts, ends, count }: JsonRecords,
  output: Output,
  first: string,
): Promise<number> {
  for (let i = 0; i < count; i += 1) {
    const separated = output.writeText(i === 0 ? first : ',\n');
    if (separated !== undefined) await separated;
    const written = output.write(bytes.subarray(starts[i], ends[i]));
    if (written !== undefined) await written;
  }
  return count;
}
