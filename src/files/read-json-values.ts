import { EtlError } from '../errors.ts';
import { readJsonLines } from '../formats/json-lines.ts';
import { asBuffer } from '../formats/json-records.ts';
import { InputFile } from './input-file.ts';

/** One line of a file: its bytes, which are valid JSON, and where it is in the (decompressed) file. */
export interface JsonLine {
  readonly bytes: Buffer;
  readonly line: number;
  readonly offset: number;
}

/**
 * Reads the lines of a JSON lines file, plain or compressed, in bounded memory.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` for a line that is not JSON; `ETL_SOURCE_NOT_FOUND`, `ETL_SOURCE_TRUNCATED`.
 */
export async function* readJsonTexts(
  path: string,
  signal: AbortSignal = new AbortController().signal,
): AsyncGenerator<JsonLine> {
  const input = await InputFile.open(path);
  try {
    for await (const { json, bad, lines, offsets } of readJsonLines(input.read(undefined, signal), { signal })) {
      const bytes = asBuffer(json.bytes);
      const first = bad[0];
      for (let i = 0; i < (first?.index ?? json.count); i++) {
        yield { bytes: bytes.subarray(json.starts[i], json.ends[i]), line: lines[i] ?? 0, offset: offsets[i] ?? 0 };
      }
      if (first !== undefined) {
        throw new EtlError('ETL_RECORD_INVALID', first.reason, {
          where: { file: path, line: first.line, offset: first.offset },
        });
      }
    }
  } catch (error) {
    throw input.failure(error);
  } finally {
    await input.close();
  }
}

/** The lines' values. */
export async function* readJsonValues(path: string, signal?: AbortSignal): AsyncGenerator<unknown> {
  for await (const { bytes } of readJsonTexts(path, signal)) yield JSON.parse(bytes.toString());
}
