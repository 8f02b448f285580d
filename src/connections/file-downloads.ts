import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

import pLimit from 'p-limit';
import type { Dispatcher } from 'undici';

import { systemCode } from '../errors.ts';
import { parseRetryAfter, retry } from '../retry.ts';
import { linkExpiry, ruleProblem, type DownloadRules, type RuleProblem } from './download-rules.ts';
import { isUnanswered } from './http-fault.ts';
import { isPrivateRefusal, publicLookup } from './public-lookup.ts';

/** How files are fetched. */
export interface DownloadOptions extends DownloadRules {
  /** A larger file is left where it is. */
  readonly maxBytes: number;
  /** Files at a time. */
  readonly concurrency: number;
  /** The longest wait for an answer, and for the next piece of it. */
  readonly timeoutMs: number;
  /** Tries in all for what may pass: too many requests, a server in trouble, a broken connection. */
  readonly attempts: number;
  /** For tests: the pause between two tries. */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined;
}

/** Why there are no bytes; `downloadFailed` is followed by what it was: `downloadFailed: HTTP 503`. */
export type DownloadProblem =
  | RuleProblem
  | 'linkExpired'
  | 'forbidden'
  | 'missing'
  | 'tooLarge'
  | 'downloadFailed'
  | `downloadFailed: ${string}`;

/** SHA-256 in hex, and how many bytes went into it. */
export type Downloaded = { readonly sha256: string; readonly bytes: number } | { readonly problem: DownloadProblem };

const maxRedirects = 5;
// A server that gives a byte now and then must not hold up an export for ever.
const longestMs = 60 * 60 * 1000;

/**
 * Fetches files by their links, a few at a time: never from a host that is not allowed, nor, unless that is asked for, from an
 * address inside a network, whatever a name stands for and wherever a redirect leads.
 *
 * What keeps a single file from being had is a reason, not an error. A host that does not answer at all is given up with
 * all patience once, and later asked a single time for each file.
 */
export class FileDownloads {
  readonly #options: DownloadOptions;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #silent = new Set<string>();
  #client: Promise<{ readonly agent: Dispatcher }> | undefined;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#limit = pLimit(options.concurrency);
  }

  /**
   * Fetches a file and hashes it. With `copy` its bytes are written there, from the beginning; on a problem they are to be
   * thrown away. A failure to write them is thrown, as is the reason of `signal`.
   */
  fetch(link: string, copy: FileHandle | undefined, signal: AbortSignal): Promise<Downloaded> {
    return this.#limit(() => this.#fetch(link, copy, signal));
  }

  async close(): Promise<void> {
    const client = await this.#client;
    await client?.agent.destroy();
  }

  async #fetch(link: string, copy: FileHandle | undefined, signal: AbortSignal): Promise<Downloaded> {
    if (!URL.canParse(link)) return { problem: 'linkInvalid' };
    const url = new URL(link);
    try {
      return await retry(() => this.#follow(url, copy, signal), {
        signal,
        attempts: this.#silent.has(url.host) ? 1 : this.#options.attempts,
        isRetryable: (error) => error instanceof Refusal || isUnanswered(error),
        retryAfter: (error) => (error instanceof Refusal ? error.retryAfterMs : undefined),
        sleep: this.#options.sleep,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof WriteFailure) throw error.cause;
      if (error instanceof Refusal) return { problem: `downloadFailed: HTTP ${error.status}` };
      if (isPrivateRefusal(error)) return { problem: 'privateAddress' };
      if (isUnanswered(error)) this.#silent.add(url.host);
      return { problem: `downloadFailed: ${systemCode(error) ?? (error instanceof Error ? error.name : 'unknown')}` };
    }
  }

  /** Asks for a link and for what it redirects to. */
  async #follow(link: URL, copy: FileHandle | undefined, signal: AbortSignal): Promise<Downloaded> {
    const { agent } = await (this.#client ??= this.#connect());
    const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
    let url = link;
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const problem = ruleProblem(url, this.#options);
      if (problem !== undefined) return { problem };
      const answer = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: { 'accept-encoding': 'identity', 'user-agent': 'threadmill' },
        signal: within,
      });
      const { statusCode, headers, body } = answer;
      if (statusCode === 200) {
        this.#silent.delete(link.host);
        return this.#take(answer, copy);
      }
      // What it says besides is not for us; the connection can then be used again.
      await body.dump({ limit: 16_384, signal: within });
      const location = first(headers['location']);
      if (statusCode >= 300 && statusCode < 400 && location !== undefined && URL.canParse(location, url.href)) {
        url = new URL(location, url);
        continue;
      }
      return refusalOf(statusCode, headers, url);
    }
    return { problem: 'downloadFailed: too many redirects' };
  }

  async #take({ headers, body }: Dispatcher.ResponseData, copy: FileHandle | undefined): Promise<Downloaded> {
    const { maxBytes } = this.#options;
    const digest = createHash('sha256');
    let bytes = 0;
    let isTooLarge = Number(first(headers['content-length'])) > maxBytes;
    for await (const piece of isTooLarge ? [] : (body as AsyncIterable<Buffer>)) {
      isTooLarge = bytes + piece.length > maxBytes;
      if (isTooLarge) break;
      digest.update(piece);
      await written(copy?.write(piece, 0, piece.length, bytes));
      bytes += piece.length;
    }
    if (isTooLarge) {
      // Without an error: nobody waits for it.
      body.on('error', () => undefined).destroy();
      return { problem: 'tooLarge' };
    }
    // An attempt before may have come further.
    await written(copy?.truncate(bytes));
    return { sha256: digest.digest('hex'), bytes };
  }

  async #connect(): Promise<{ readonly agent: Dispatcher }> {
    const { Agent } = await import('undici');
    const { timeoutMs, privateAddresses, concurrency } = this.#options;
    const agent = new Agent({
      connections: concurrency,
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { timeout: timeoutMs, ...(!privateAddresses && { lookup: publicLookup }) },
    });
    return { agent };
  }
}

/** An answer that may be another one in a while. */
class Refusal extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;

  constructor(status: number, retryAfterMs: number | undefined) {
    super(`HTTP ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The disk's trouble, not the network's. */
class WriteFailure extends Error {}

async function written(writing: Promise<unknown> | undefined): Promise<void> {
  try {
    await writing;
  } catch (error) {
    throw new WriteFailure('writing failed', { cause: error });
  }
}

/** @throws {Refusal} for what may pass. */
function refusalOf(
  status: number,
  headers: Dispatcher.ResponseData['headers'],
  url: URL,
): { readonly problem: DownloadProblem } {
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    throw new Refusal(status, parseRetryAfter(first(headers['retry-after'])));
  if (status === 404 || status === 410) return { problem: 'missing' };
  // By the server's own clock, for ours may be wrong. Google answers 400 for a link that has ended.
  const expiry = linkExpiry(url);
  const now = Date.parse(first(headers['date']) ?? '');
  if ((status === 400 || status === 401 || status === 403) && expiry !== undefined && expiry <= now)
    return { problem: 'linkExpired' };
  return { problem: status === 401 || status === 403 ? 'forbidden' : `downloadFailed: HTTP ${status}` };
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
