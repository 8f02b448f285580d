import { brokenConnectionCodes } from './broken-connection.ts';

/** What a server answered instead of what was asked for. The `cause` of the errors that tell of it. */
export class HttpFault extends Error {
  override readonly name = 'HttpFault';
  readonly status: number;
  /** Whether the application itself said it; a proxy, a firewall or a login page answers in HTML. */
  readonly isJson: boolean;
  /** `Retry-After`, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** What it said, as far as it is for people. */
  readonly detail: string;

  constructor(
    message: string,
    {
      status,
      isJson,
      retryAfterMs,
      detail,
    }: {
      readonly status: number;
      readonly isJson: boolean;
      readonly retryAfterMs: number | undefined;
      readonly detail: string;
    },
  ) {
    super(message);
    this.status = status;
    this.isJson = isJson;
    this.retryAfterMs = retryAfterMs;
    this.detail = detail;
  }
}

/** The fault that an error tells of, if it is about an answer of a server. */
export function httpFaultOf(error: unknown): HttpFault | undefined {
  if (error instanceof HttpFault) return error;
  return error instanceof Error && error.cause !== undefined ? httpFaultOf(error.cause) : undefined;
}

/**
 * Whether the same request may succeed later: too many requests, a server or proxy in trouble, no answer at all. Also a
 * refusal that the application did not speak itself, as firewalls refuse under load.
 */
export function isPassing(error: unknown): boolean {
  const fault = httpFaultOf(error);
  if (fault === undefined) return isUnanswered(error);
  const { status, isJson } = fault;
  if (status === 408 || status === 425 || status === 429 || status >= 500) return true;
  return !isJson && (status === 401 || status === 403);
}

/** Whether nothing came back: no connection, a connection that broke, or no answer in time. */
export function isUnanswered(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnanswered);
  if (!(error instanceof Error)) return false;
  if (error.name === 'TimeoutError') return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return brokenCodes.has(code) || (error.cause !== undefined && isUnanswered(error.cause));
}

const brokenCodes = new Set([
  ...brokenConnectionCodes,
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
  // An answer that ended before its length.
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** What a body says, for people: the `detail` of JSON, the title of HTML, else its beginning. At most 300 characters. */
export function detailOf(body: string): string {
  return clean(jsonDetail(body) ?? htmlTitle(body) ?? body);
}

function jsonDetail(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return undefined;
    const { detail, message, error } = value as Readonly<Record<string, unknown>>;
    const said = detail ?? message ?? error;
    return typeof said === 'string' ? said : said === undefined ? undefined : JSON.stringify(said);
  } catch {
    return undefined;
  }
}

function htmlTitle(body: string): string | undefined {
  if (!/^\s*<(!doctype|html)/i.test(body)) return undefined;
  return `an HTML page: ${/<title[^>]*>([^<]*)/i.exec(body)?.[1] ?? 'without title'}`;
}

function clean(text: string): string {
  return text
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\s]+/g, ' ')
    .trim()
    .slice(0, 300);
}
