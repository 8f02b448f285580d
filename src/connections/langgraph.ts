import { setMaxListeners } from 'node:events';

import type { Client } from '@langchain/langgraph-sdk';
import type { Dispatcher, Pool } from 'undici';

import { EtlError } from '../errors.ts';
import { unmarkNumbers } from '../formats/exact-numbers.ts';
import type { Runtime } from '../models/langgraph.ts';
import { parseRetryAfter, retry } from '../retry.ts';
import { exchange, type Answer } from './langgraph-exchange.ts';
import { isPassing, LanggraphBodyError, langgraphError, LanggraphHttpError } from './langgraph-errors.ts';
import { markedAnswer } from './langgraph-numbers.ts';
import { rateLimit, type RateLimit } from './langgraph-rate.ts';

/** How to reach a LangGraph API server. Times are in milliseconds. */
export interface LanggraphOptions {
  readonly apiUrl: string;
  /** Sent as `x-api-key`. */
  readonly apiKey?: string | undefined;
  /** Further headers, for deployments with authentication of their own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Connections at the same time; more requests wait. Default 8. */
  readonly concurrency?: number | undefined;
  /** Requests that begin in a second, over all connections. Default: no limit. */
  readonly requestsPerSecond?: number | undefined;
  /** Longest wait for an answer to begin, and between its pieces. Default 120 000. */
  readonly timeoutMs?: number | undefined;
  /** Longest wait for a connection. Default 15 000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Tries of each request that may be repeated. Default 6. */
  readonly attempts?: number | undefined;
  /** The longest first pause between tries. Default 250. */
  readonly retryBaseMs?: number | undefined;
  /** Told before each repetition. */
  readonly onRetry?: ((problem: EtlError) => void) | undefined;
  /**
   * Whether numbers that JavaScript does not keep come as marked text (see `formats/exact-numbers.ts`), from servers that keep
   * them. Marked text is always sent as the number it was.
   */
  readonly keepsNumbers?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface LanggraphRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | undefined;
  /** Below the API's address, with its query: `/threads/search`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** False for a request that must not reach the server twice. Default true. */
  readonly isRepeatable?: boolean | undefined;
  /** Tries of this request, when not those of the connection. */
  readonly attempts?: number | undefined;
  /** Reading stops being buffered after this many bytes: see {@link LanggraphConnection.read}. Default: never. */
  readonly bufferBytes?: number | undefined;
}

/** An answer: whole in `bytes`, or its beginning there and what follows in `rest`. */
export interface LanggraphBody {
  readonly bytes: Buffer;
  readonly rest?: AsyncIterable<Uint8Array> | undefined;
}

export interface ServerInfo {
  readonly runtime: Runtime;
  readonly version: string | undefined;
}

/** A LangGraph API server. Errors are `EtlError`s; the answer's status and text are in their `cause` (`httpStatusOf`). */
export interface LanggraphConnection {
  /** The API's address, without secrets. */
  readonly where: string;
  readonly info: ServerInfo;
  /** The answer as a value; nothing when it is empty. */
  json(request: LanggraphRequest, signal: AbortSignal): Promise<unknown>;
  /**
   * The answer as bytes. What is larger than `bufferBytes` comes with the rest to be read piece by piece: an error in
   * that is the caller's to mend.
   */
  read(request: LanggraphRequest, signal: AbortSignal): Promise<LanggraphBody>;
  /** The official client, over the same connections and the same rate, for what has no hot path: runs, assistants. */
  client(): Promise<Client>;
  close(): Promise<void>;
}

/**
 * Connects to a LangGraph API server and asks what it is.
 *
 * Each request is tried again after 429 (waiting as long as `Retry-After` says, with all other requests), 5xx, and when the
 * connection breaks or hangs, with pauses that grow and vary.
 *
 * @throws {EtlError} `ETL_CONNECT_FAILED`, `ETL_AUTH_FAILED` (401, 403), `ETL_REQUEST_FAILED` for any other answer that is
 *   not what was asked for, `ETL_CONFIG_INVALID` for an address that is none.
 * @see LangGraph API 0.16 (Python) and 1.5 (JavaScript): `GET /info` tells them apart by `langgraph_py_version` and `context`
 */
export async function openLanggraph(options: LanggraphOptions): Promise<LanggraphConnection> {
  const { url, where } = langgraphAddress(options.apiUrl);
  // The client is loaded when it is needed.
  const undici = await import('undici');
  const { concurrency = 8, timeoutMs = 120_000, connectTimeoutMs = 15_000 } = options;
  const pool = new undici.Pool(url.origin, {
    connections: concurrency,
    pipelining: 1,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: connectTimeoutMs },
  });
  const closing = new AbortController();
  const life = options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal]);
  // Each request that waits for its turn or its next try listens.
  setMaxListeners(0, life);
  life.addEventListener('abort', () => void pool.destroy(), { once: true });
  const close = async (): Promise<void> => {
    if (!closing.signal.aborted) closing.abort(new Error('the connection was closed'));
    await pool.destroy();
  };
  const rate = rateLimit(options.requestsPerSecond);
  const caller = new Caller(pool, url.pathname.replace(/\/+$/, ''), where, rate, life, options);
  try {
    const info = await serverInfo(caller, options.signal ?? new AbortController().signal);
    // A server in JavaScript has parsed them itself.
    caller.marksNumbers = options.keepsNumbers === true && info.runtime !== 'js';
    return {
      where,
      info,
      json: (request, signal) => caller.json(request, signal),
      read: (request, signal) => caller.read(request, signal),
      client: () => sdkClient(pool, rate, url, options),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * An API's address as a URL, and as text without secrets.
 *
 * @throws {EtlError} `ETL_CONFIG_INVALID`.
 */
export function langgraphAddress(apiUrl: string): { readonly url: URL; readonly where: string } {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new EtlError('ETL_CONFIG_INVALID', 'expected "apiUrl" to begin with http:// or https://', {
      hint: 'Give the address of the deployment: `https://my-app.example.org` or `http://localhost:2024`.',
    });
  }
  return { url, where: `${url.origin}${url.pathname}`.replace(/\/+$/, '') };
}

class Caller {
  marksNumbers = false;
  readonly #pool: Pool;
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
    this.#headers = headersOf(options);
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
        attempts: request.isRepeatable === false ? 1 : (request.attempts ?? attempts ?? 6),
        baseMs: retryBaseMs,
        isRetryable: isPassing,
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

function jsonOf({ bytes, headers }: Answer, request: LanggraphRequest): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    throw notJson(request, bytes, headers);
  }
}

/** Only what begins like JSON of the API is worth a closer look. */
function jsonBytes(answer: Answer, request: LanggraphRequest): LanggraphBody {
  const first = firstByte(answer.bytes);
  if (first === OPEN_OBJECT || first === OPEN_LIST) return answer;
  throw notJson(request, answer.bytes, answer.headers);
}

/** What kind of server answers. One that does not know `/info` speaks the API all the same, as far as it goes. */
async function serverInfo(caller: Caller, signal: AbortSignal): Promise<ServerInfo> {
  try {
    const info = (await caller.json({ path: '/info', attempts: 3 }, signal)) as Readonly<
      Record<string, unknown>
    > | null;
    const version = typeof info?.['version'] === 'string' ? info['version'] : undefined;
    if (typeof info?.['langgraph_py_version'] === 'string') return { runtime: 'python', version };
    if (info?.['context'] === 'js' || info?.['langgraph_js_version'] !== undefined) return { runtime: 'js', version };
    return { runtime: 'unknown', version };
  } catch (error) {
    const cause = error instanceof EtlError ? error.cause : error;
    if (cause instanceof LanggraphHttpError && cause.status === 404) return { runtime: 'unknown', version: undefined };
    if (cause instanceof LanggraphBodyError && error instanceof EtlError) {
      throw new EtlError('ETL_REQUEST_FAILED', error.message, {
        where: error.where,
        cause,
        hint: 'Is this the address of a LangGraph API? A page for people, or a proxy that asks for a log-in, answers there.',
      });
    }
    throw error;
  }
}

async function sdkClient(pool: Pool, rate: RateLimit, url: URL, options: LanggraphOptions): Promise<Client> {
  const [{ Client }, undici] = await Promise.all([import('@langchain/langgraph-sdk'), import('undici')]);
  const signal = options.signal ?? new AbortController().signal;
  return new Client({
    apiUrl: url.href.replace(/\/+$/, ''),
    // Null keeps it from taking a key out of the environment.
    apiKey: null,
    defaultHeaders: { ...headersOf(options) },
    callerOptions: {
      maxConcurrency: options.concurrency ?? 8,
      maxRetries: Math.max(0, (options.attempts ?? 6) - 1),
      fetch: async (...[input, init]: Parameters<typeof fetch>) => {
        await rate.take(signal);
        // The two `fetch` types describe one standard; only the classes differ by name.
        const request = [input, { ...init, dispatcher: pool as Dispatcher }] as unknown as Parameters<
          typeof undici.fetch
        >;
        return undici.fetch(...request) as unknown as ReturnType<typeof fetch>;
      },
    },
  });
}

function headersOf({ apiKey, headers = {} }: LanggraphOptions): Record<string, string> {
  return { accept: 'application/json', ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }), ...headers };
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
