import type { Pool } from 'undici';

import { BatchMemory } from '../formats/batch-memory.ts';
import { unmarkNumbers } from '../formats/exact-numbers.ts';
import { parseRetryAfter, retry } from '../retry.ts';
import type { LanggraphBody, LanggraphOptions, LanggraphRequest } from './langgraph-connection.ts';
import { exchange, type Answer } from './langgraph-exchange.ts';
import { isPassing, isRefused, LanggraphBodyError, langgraphError, LanggraphHttpError } from './langgraph-errors.ts';
import { langgraphHeaders } from './langgraph-headers.ts';
import { markedAnswer } from './langgraph-numbers.ts';
import type { RateLimit } from './langgraph-rate.ts';

/** Sends requests over the pool of one connection, each as often as it takes, under one rate. */
export class LanggraphCaller {
  marksNumbers = false;
  readonly #pool: Pool;
  /** Answers that wait for their turn are at most twice as many as there are connections, and as many are on their way. */
  readonly #memory: BatchMemory;
  readonly #prefix: string;
  readonly #where: string;
  readonly #rate: RateLimit;
  readonly #life: AbortSignal;
  readonly #options: LanggraphOptions;
  readonly #headers: Record<string, string>;
  readonly #jsonHeaders: Record<string, string>;

  constructor(
    pool: Pool,
    prefix: string,
    where: string,
    rate: RateLimit,
    life: AbortSignal,
    options: LanggraphOptions,
  ) {
    this.#life = life;
    this.#pool = pool;
    this.#prefix = prefix;
    this.#where = where;
    this.#rate = rate;
    this.#options = options;
    const mostKept = 4 * (options.concurrency ?? 8);
    this.#memory = new BatchMemory(mostAnswerBytes, { mostKept, step: answerStep });
    this.#headers = langgraphHeaders(options);
    this.#jsonHeaders = { ...this.#headers, 'content-type': 'application/json' };
  }

  json(request: LanggraphRequest, signal: AbortSignal): Promise<unknown> {
    return this.#tried(request, undefined, signal, jsonOf);
  }

  read(request: LanggraphRequest, signal: AbortSignal): Promise<LanggraphBody> {
    return this.#tried(request, request.bufferBytes, signal, jsonBytes);
  }

  async #tried<T>(
    request: LanggraphRequest,
    bufferBytes: number | undefined,
    given: AbortSignal,
    take: (answer: Answer, request: LanggraphRequest) => T,
  ): Promise<T> {
    const signal = this.#signalOf(given);
    signal.throwIfAborted();
    const once = async (): Promise<T> => {
      const turn = this.#rate.take(signal);
      if (turn !== undefined) await turn;
      return take(this.#accepted(await this.#sent(request, bufferBytes, given), request), request);
    };
    try {
      return await once();
    } catch (error) {
      return await this.#again(request, signal, once, error);
    }
  }

  /** The tries after the first one, which failed: what is thrown in the end is its error, or the last one. */
  async #again<T>(request: LanggraphRequest, signal: AbortSignal, call: () => Promise<T>, first: unknown): Promise<T> {
    const { attempts, retryBaseMs, onRetry } = this.#options;
    try {
      return await retry((attempt) => (attempt === 1 ? Promise.reject(first as Error) : call()), {
        signal,
        attempts: request.attempts ?? attempts ?? 6,
        baseMs: retryBaseMs,
        isRetryable: request.isRepeatable === false ? isRefused : isPassing,
        retryAfter: (error) => (error instanceof LanggraphHttpError ? error.retryAfterMs : undefined),
        onRetry: (error) => onRetry?.(langgraphError(error, this.#where)),
      });
    } catch (error) {
      signal.throwIfAborted();
      throw langgraphError(error, this.#where);
    }
  }

  #sent(request: LanggraphRequest, bufferBytes: number | undefined, signal: AbortSignal): Promise<Answer> {
    const { method = 'GET', path, body } = request;
    return exchange(
      this.#pool,
      this.#memory,
      {
        method,
        path: this.#prefix + path,
        headers: body === undefined ? this.#headers : this.#jsonHeaders,
        body: body === undefined ? null : unmarkNumbers(JSON.stringify(body)),
      },
      // The end of the connection's life destroys the pool: its requests need not listen as well.
      { signal: signal === this.#options.signal ? undefined : signal, bufferBytes },
    );
  }

  #accepted(answer: Answer, request: LanggraphRequest): Answer {
    const { status, headers, bytes, rest } = answer;
    if (status >= 200 && status < 300) return this.marksNumbers ? markedAnswer(answer) : answer;
    // Of an answer that nobody wants, no more than its beginning is of use.
    rest?.cancel();
    const asked = parseRetryAfter(headerText(headers['retry-after']));
    if (status === 429 || status === 503) this.#rate.pause(asked ?? 0);
    throw new LanggraphHttpError(named(request), status, excerptOf(bytes), asked);
  }

  /** The signal of the whole stands for all of the connection's life. */
  #signalOf(signal: AbortSignal): AbortSignal {
    return signal === this.#options.signal ? this.#life : signal;
  }
}

const OPEN_OBJECT = 0x7b;
const OPEN_LIST = 0x5b;
const excerptBytes = 4096;
/** Larger answers are rare: their memory is not kept. */
const mostAnswerBytes = 256 * 1024;
const answerStep = 4096;

function jsonOf({ bytes, headers, giveBack }: Answer, request: LanggraphRequest): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    throw notJson(request, bytes, headers);
  } finally {
    giveBack();
  }
}

/** Only what begins like JSON of the API is worth a closer look. */
function jsonBytes(answer: Answer, request: LanggraphRequest): LanggraphBody {
  const first = firstByte(answer.bytes);
  if (first === OPEN_OBJECT || first === OPEN_LIST) return answer;
  throw notJson(request, answer.bytes, answer.headers);
}

/** A request for people, without ids: what happens to many threads for one reason is told as one. */
function named({ method = 'GET', path }: LanggraphRequest): string {
  return `${method} ${(path.split('?', 1)[0] ?? path).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '{id}')}`;
}

function notJson(request: LanggraphRequest, bytes: Buffer, headers: Answer['headers']): LanggraphBodyError {
  return new LanggraphBodyError(named(request), excerptOf(bytes), headerText(headers['content-type']));
}

function headerText(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? '';
}

function excerptOf(bytes: Buffer): string {
  return bytes.toString('utf8', 0, excerptBytes);
}

function firstByte(bytes: Buffer): number | undefined {
  for (const byte of bytes.subarray(0, 64)) if (byte > 0x20) return byte;
  return undefined;
}
