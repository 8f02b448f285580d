import { EtlError } from '../errors.ts';
import { httpStatusOf, isAnswer, LanggraphBodyError, LanggraphHttpError } from './langgraph-errors.ts';
import type { LanggraphConnection } from './langgraph.ts';

/** So many threads, one after the other, that get a page in the place of an answer are not at fault themselves. */
const maxPages = 3;

/**
 * Tells what is wrong with one thread, which costs that thread, from what is wrong with the server, which ends the run.
 *
 * An answer in JSON or in words that refuses a request is the thread's own. A page of HTML with a status that means success is
 * never: a log-in page or a proxy answers there. One with another status, and no answer at all, are the thread's own as long
 * as the server answers others.
 */
export class ThreadFaults {
  readonly #connection: LanggraphConnection;
  readonly #signal: AbortSignal;
  #pages = 0;

  constructor(connection: LanggraphConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /** A thread came through. */
  passed(): void {
    this.#pages = 0;
  }

  /**
   * What to reject a thread with.
   *
   * @throws what ends the run: `ETL_CONNECT_FAILED` for pages in the place of answers, anything else as it is.
   */
  async ofThread(error: unknown): Promise<EtlError> {
    if (!(error instanceof EtlError)) throw error;
    const page = pageOf(error);
    if (page !== undefined) {
      this.#pages += 1;
      if (page === 'success' || this.#pages >= maxPages || !(await this.#answers())) throw pageInstead(error);
      return error;
    }
    if (isAnswer(error) || error.code.startsWith('ETL_RECORD_')) return error;
    if (error.code !== 'ETL_CONNECT_FAILED' || httpStatusOf(error) === 429) throw error;
    if (!(await this.#answers())) throw error;
    return error;
  }

  /** Whether the server answers at all. */
  async #answers(): Promise<boolean> {
    try {
      await this.#connection.json({ path: '/info', attempts: 2 }, this.#signal);
      return true;
    } catch (error) {
      this.#signal.throwIfAborted();
      return httpStatusOf(error) === 404 && pageOf(error) === undefined;
    }
  }
}

/** Whether an error tells of a page of HTML, which whatever answered has in the place of what was asked for. */
export function isPage(error: unknown): boolean {
  return pageOf(error) !== undefined;
}

/** What kind of a status a page of HTML came with, when an error is about one. */
function pageOf(error: unknown): 'success' | 'failure' | undefined {
  const cause = error instanceof EtlError ? error.cause : undefined;
  if (cause instanceof LanggraphBodyError) return isHtml(cause.text) ? 'success' : undefined;
  if (!(cause instanceof LanggraphHttpError)) return undefined;
  const { status, text } = cause;
  // Redirections lead to a page, with one of their own or without.
  if (status < 400) return 'success';
  // A request that is too large, or that a firewall does not like, is refused by a page as well.
  return (status === 404 || status >= 500) && isHtml(text) ? 'failure' : undefined;
}

function isHtml(text: string): boolean {
  return /^\s*<(?:!doctype|html|head|body|\?xml|!--)/i.test(text);
}

function pageInstead(error: EtlError): EtlError {
  return new EtlError('ETL_CONNECT_FAILED', error.message, {
    where: error.where,
    hint:
      'A proxy, or a page that asks for a log-in, answers in the place of the API: check the address and the key, then run ' +
      'the same command again.',
    cause: error.cause,
  });
}
