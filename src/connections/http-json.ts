import { Readable } from 'node:stream';

import type { Dispatcher } from 'undici';

import { EtlError } from '../errors.ts';
import { parseRetryAfter, retry, type RetryOptions } from '../retry.ts';
import { detailOf, HttpFault, httpFaultOf, isPassing, isUnanswered } from './http-fault.ts';

/** How a server is asked. */
export interface HttpOptions {
  /** `https://host/prefix`, without a slash at the end. */
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Requests under way at once, and connections. Default 4. */
  readonly concurrency?: number | undefined;
  /** Until the whole answer is there, in milliseconds. Default 60 000; uploads get a second more for every 100 KB. */
  readonly timeoutMs?: number | undefined;
  /** How often and how patiently to try again; see {@link RetryOptions}. */
  readonly retry?: Pick<RetryOptions, 'attempts' | 'baseMs' | 'maxMs' | 'sleep' | 'random'> | undefined;
  /** Told before something is tried again. */
  readonly onRetry?: ((message: string) => void) | undefined;
}

interface Asked {
  readonly method?: 'GET' | 'POST';
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly json?: unknown;
  /** A body of another kind: made anew for each try. */
  readonly body?: { readonly type: string; readonly bytes: number; make(): AsyncIterable<Uint8Array> };
  /** Called before each try. */
  readonly onTry?: () => void;
  readonly signal: AbortSignal;
}

const bytesASecond = 100_000;
const maxRedirects = 3;

/**
 * Asks one server, with kept-alive connections, for JSON: tries again what may pass, with the pauses the server asks for.
 *
 * Redirects are followed within the server only, and for reading only: keys go nowhere else.
 */
export class HttpJson {
  readonly address: string;
  readonly #options: HttpOptions;
  readonly #dispatcher: Dispatcher;
  readonly #request: typeof import('undici').request;

  private constructor(options: HttpOptions, { Agent, request }: typeof import('undici')) {
    this.#options = options;
    this.#request = request;
    this.address = addressOf(options.base);
    this.#dispatcher = new Agent({
      connections: options.concurrency ?? 4,
      pipelining: 1,
      connect: { timeout: 15_000 },
      // The time of a whole request is limited here.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Whoever opens it closes it. No connection is made before the first request. */
  static async open(options: HttpOptions): Promise<HttpJson> {
    return new HttpJson(options, await import('undici'));
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  /**
   * Asks for what is at `path`.
   *
   * @throws {EtlError} `ETL_AUTH_FAILED` for 401 and 403, `ETL_CONNECT_FAILED` when there is no answer or not the
   *   application's own, `ETL_SINK_FAILED` for what it refuses; the {@link HttpFault} is the cause.
   */
  async ask(path: string, asked: Asked): Promise<unknown> {
    try {
      return await retry(() => this.#once(path, asked), {
        attempts: 6,
        ...this.#options.retry,
        signal: asked.signal,
        isRetryable: isPassing,
        retryAfter: (error) => httpFaultOf(error)?.retryAfterMs,
        onRetry: (error, { waitMs }) =>
          this.#options.onRetry?.(`${reasonOf(error)}: trying again in ${(waitMs / 1000).toFixed(1)} s`),
      });
    } catch (error) {
      asked.signal.throwIfAborted();
      throw this.#error(path, error);
    }
  }

  async #once(path: string, { method = 'GET', query = {}, json, body, onTry, signal }: Asked): Promise<unknown> {
    onTry?.();
    const { base, headers, timeoutMs = 60_000 } = this.#options;
    let url = new URL(base + path);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const deadline = new AbortController();
    const allowedMs = timeoutMs + Math.ceil(((body?.bytes ?? 0) / bytesASecond) * 1000);
    const timer = setTimeout(() => deadline.abort(tooLate(allowedMs)), allowedMs);
    try {
      for (let redirects = 0; ; redirects += 1) {
        const response = await this.#request(url, {
          dispatcher: this.#dispatcher,
          method,
          headers: {
            accept: 'application/json',
            ...headers,
            ...(json !== undefined && { 'content-type': 'application/json' }),
            ...(body !== undefined && { 'content-type': body.type, 'content-length': String(body.bytes) }),
          },
          body: json !== undefined ? JSON.stringify(json) : body === undefined ? null : Readable.from(body.make()),
          signal: AbortSignal.any([signal, deadline.signal]),
        });
        const next = redirectOf(response, url);
        if (next !== undefined && method === 'GET' && next.origin === url.origin && redirects < maxRedirects) {
          await response.body.dump();
          url = next;
          continue;
        }
        return this.#parse(response, await response.body.text());
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #parse({ statusCode: status, headers }: Dispatcher.ResponseData, text: string): unknown {
    const type = String(headers['content-type'] ?? '');
    const isJson = /\bjson\b/i.test(type);
    const location = typeof headers['location'] === 'string' ? ` to ${headers['location'].split('?')[0] ?? ''}` : '';
    const fault = (what: string): HttpFault =>
      new HttpFault(what, {
        status,
        isJson,
        retryAfterMs: parseRetryAfter(String(headers['retry-after'] ?? '')),
        detail: this.#withoutSecrets(detailOf(text)),
      });
    if (status >= 300 && status < 400) throw fault(`redirects${location}, as a login page does`);
    if (status >= 400) throw fault(`HTTP ${status}`);
    if (text === '' && status === 204) return null;
    try {
      if (isJson) return JSON.parse(text);
    } catch {
      throw fault(`HTTP ${status} with JSON that is cut short or broken`);
    }
    throw fault(`HTTP ${status} with ${type === '' ? 'no type' : type.split(';')[0]}, where JSON was expected`);
  }

  #error(path: string, error: unknown): EtlError {
    if (error instanceof EtlError) return error;
    const fault = httpFaultOf(error);
    const where = `${this.address}${path}`;
    if (fault === undefined) {
      const code = isUnanswered(error) ? 'ETL_CONNECT_FAILED' : 'ETL_SINK_FAILED';
      return new EtlError(code, `${where}: ${this.#withoutSecrets(reasonOf(error))}`, { cause: error });
    }
    const { status, isJson, detail, message } = fault;
    const what = `${where}: ${message}${detail === '' ? '' : `: ${detail}`}`;
    if (isJson && (status === 401 || status === 403)) return new EtlError('ETL_AUTH_FAILED', what, { cause: fault });
    if (isJson || status === 413) return new EtlError('ETL_SINK_FAILED', what, { cause: fault });
    return new EtlError('ETL_CONNECT_FAILED', what, {
      hint: 'Not the application itself answered, but a proxy, a firewall or a web page: check the address, and what is in between.',
      cause: fault,
    });
  }

  #withoutSecrets(text: string): string {
    const secrets = Object.values(this.#options.headers).flatMap((value) => value.split(' '));
    return secrets
      .filter((secret) => secret.length >= 8)
      .reduce((said, secret) => said.replaceAll(secret, '***'), text);
  }
}

function redirectOf({ statusCode, headers }: Dispatcher.ResponseData, url: URL): URL | undefined {
  const { location } = headers;
  if (statusCode < 300 || statusCode >= 400 || typeof location !== 'string') return undefined;
  return URL.canParse(location, url.href) ? new URL(location, url) : undefined;
}

function tooLate(ms: number): Error {
  return Object.assign(new Error(`no answer within ${Math.round(ms / 1000)} s`), { name: 'TimeoutError' });
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code === '' || error.message.includes(code) ? error.message : `${error.message} (${code})`;
}

/** Scheme, host and path, without user and password. */
function addressOf(base: string): string {
  const { origin, pathname } = new URL(base);
  return origin + (pathname === '/' ? '' : pathname);
}
