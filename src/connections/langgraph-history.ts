import { EtlError } from '../errors.ts';
import { FormatError } from '../formats/format-error.ts';
import { splitJsonArray } from '../formats/json-array.ts';
import { jsonArrayElements } from '../formats/json-array-elements.ts';
import { jsonMember, jsonMembers, jsonValue } from '../formats/json-members.ts';
import { asBuffer, sliceJsonRecords, type JsonRecords } from '../formats/json-records.ts';
import type { LanggraphBody, LanggraphConnection, LanggraphRequest } from './langgraph.ts';
import { httpStatusOf, langgraphError } from './langgraph-errors.ts';

export interface HistoryOptions {
  /** `''` for the thread itself. */
  readonly namespace?: string | undefined;
  /** Checkpoints asked for at a time, at most 1000. Default 100. Fewer are asked for when they turn out to be large. */
  readonly pageSize?: number | undefined;
  /** Only so many of the newest checkpoints. */
  readonly limit?: number | undefined;
}

/** Entries are not held whole in memory beyond this: they come in pieces of about so many bytes. */
const bufferBytes = 4_000_000;
/** Longest text of one checkpoint. */
const maxEntryBytes = 256 * 1024 * 1024;
/** How often reading goes on after an answer that broke off in the middle, without a new entry in between. */
const maxBreaks = 4;

/**
 * Reads the history of a thread in one namespace as JSON text, newest checkpoint first, without making objects.
 *
 * Pages end where the server's do, or where one grows over about 4 MB; an answer that breaks off in the middle is gone on
 * with behind its last entry. Checkpoints that are made meanwhile come before all others and are not given.
 *
 * @throws {EtlError} as `LanggraphConnection.read`; `ETL_REQUEST_FAILED` for an answer that is not an array of checkpoints.
 * @see LangGraph API: `POST /threads/{id}/history` takes `before` as an id on the JavaScript server, as a config on Python's
 */
export async function* historyPages(
  connection: LanggraphConnection,
  threadId: string,
  { namespace = '', pageSize = 100, limit = Number.POSITIVE_INFINITY }: HistoryOptions,
  signal: AbortSignal,
): AsyncGenerator<JsonRecords> {
  let left = limit;
  let size = Math.min(pageSize, 1000);
  let before: string | undefined;
  let breaks = 0;
  while (left > 0) {
    const wanted = Math.min(size, left);
    const body = await page(connection, threadId, { namespace, before, wanted }, signal);
    let got = 0;
    let bytes = 0;
    try {
      const whole = body.rest === undefined ? wholePage(body.bytes, connection.where) : undefined;
      for await (const part of whole ?? streamedPage(body, connection.where, signal)) {
        got += part.count;
        bytes += part.bytes.length;
        if (got >= wanted || body.rest !== undefined) before = checkpointIdAt(part, part.count - 1, connection.where);
        yield part;
      }
    } catch (error) {
      signal.throwIfAborted();
      breaks = got === 0 ? breaks + 1 : 0;
      // Only what came piece by piece can break here; what came whole is not what a server should answer.
      const problem = langgraphError(error, connection.where);
      if (body.rest === undefined || breaks > maxBreaks || problem.code === 'ETL_RECORD_TOO_LARGE') throw problem;
      left -= got;
      continue;
    }
    if (got < wanted) return;
    left -= got;
    size = Math.max(1, Math.min(size, Math.floor(bufferBytes / Math.max(1, bytes / got))));
  }
}

/** The id of the checkpoint in entry `index`. */
function checkpointIdAt({ bytes, starts, ends }: JsonRecords, index: number, where = ''): string {
  const text = asBuffer(bytes);
  const members = jsonMembers(text, starts[index], ends[index]);
  const member = jsonMember(members, 'checkpoint');
  const checkpoint = member === undefined ? undefined : (jsonValue(text, member) as { checkpoint_id?: unknown } | null);
  const id = checkpoint?.checkpoint_id;
  if (typeof id === 'string') return id;
  throw new EtlError('ETL_REQUEST_FAILED', 'a history entry without a checkpoint id was answered', {
    where: { file: where },
  });
}

async function page(
  connection: LanggraphConnection,
  threadId: string,
  { namespace, before, wanted }: { namespace: string; before: string | undefined; wanted: number },
  signal: AbortSignal,
): Promise<LanggraphBody> {
  const request = (form: BeforeForm): LanggraphRequest => ({
    method: 'POST',
    path: `/threads/${encodeURIComponent(threadId)}/history`,
    body: {
      limit: wanted,
      ...(before === undefined ? {} : { before: form === 'id' ? before : { configurable: { checkpoint_id: before } } }),
      ...(namespace === '' ? {} : { checkpoint: { checkpoint_ns: namespace } }),
    },
    bufferBytes,
  });
  const form = connection.info.runtime === 'python' ? 'config' : 'id';
  try {
    return await connection.read(request(form), signal);
  } catch (error) {
    // A server that is neither of the two known ones may take the other form.
    const isRefused = [400, 422].includes(httpStatusOf(error) ?? 0);
    if (!isRefused || before === undefined || connection.info.runtime !== 'unknown') throw error;
    return await connection.read(request('config'), signal);
  }
}

type BeforeForm = 'id' | 'config';

/** The entries of an answer that is whole. */
function wholePage(bytes: Buffer, where: string): readonly JsonRecords[] {
  const found = jsonArrayElements(bytes);
  if (found === undefined) throw notEntries(where, bytes);
  return found.count === 0 ? [] : [found];
}

/** The entries of a large answer, as they come. */
async function* streamedPage(
  { bytes, rest }: LanggraphBody,
  where: string,
  signal: AbortSignal,
): AsyncGenerator<JsonRecords> {
  async function* joined(): AsyncGenerator<Uint8Array> {
    yield bytes;
    yield* rest ?? [];
  }
  const limits = { batchSize: 100_000, batchBytes: bufferBytes, maxLineBytes: maxEntryBytes, signal };
  try {
    for await (const { json, bad } of splitJsonArray(joined(), limits)) {
      const [first] = bad;
      if (first !== undefined && first.index > 0) yield sliceJsonRecords(json, 0, first.index);
      if (first !== undefined) {
        const what = `a checkpoint of ${first.length} bytes was answered that cannot be read: ${first.reason}`;
        throw new EtlError('ETL_RECORD_TOO_LARGE', what, { where: { file: where } });
      }
      yield json;
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new EtlError('ETL_REQUEST_FAILED', `the answer is not what was asked for: ${error.message}`, {
      where: { file: where },
      cause: error,
    });
  }
}

function notEntries(where: string, bytes: Buffer): EtlError {
  const text = bytes.toString('utf8', 0, 300);
  return new EtlError('ETL_REQUEST_FAILED', `a history was answered that is not an array in JSON: ${text}`, {
    where: { file: where },
  });
}
