import { EtlError, systemCode } from '../errors.ts';

/** What a server answered when it was not what was asked for. Carried as the `cause` of the error that is thrown. */
export class LanggraphHttpError extends Error {
  override readonly name = 'LanggraphHttpError';
  /** Method and path, without ids. */
  readonly request: string;
  readonly status: number;
  /** The beginning of the answer, at most 4 KB. */
  readonly text: string;
  /** What `Retry-After` asked for. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, status: number, text: string, retryAfterMs?: number) {
    super(`${request} answered ${status}${text === '' ? '' : `: ${excerpt(text)}`}`);
    this.request = request;
    this.status = status;
    this.text = text;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The answer 409 to making a thread: its id is taken. Any other 409 says that a run is under way on the thread. */
class ThreadTakenError extends LanggraphHttpError {
  constructor(text: string) {
    super('POST /threads', 409, text);
  }
}

/** An answer with status 2xx that is not the JSON it should be: a proxy's page, or JSON that is cut short. */
export class LanggraphBodyError extends Error {
  override readonly name = 'LanggraphBodyError';
  readonly text: string;

  constructor(request: string, text: string, contentType: string) {
    const kind = contentType === '' ? 'something' : contentType;
    super(`${request} answered ${kind} that is not JSON: ${excerpt(text)}`);
    this.text = text;
  }
}

/** The status of the answer behind an error; nothing when it is not about an answer. */
export function httpStatusOf(error: unknown): number | undefined {
  const cause = error instanceof EtlError ? error.cause : error;
  return cause instanceof LanggraphHttpError ? cause.status : undefined;
}

/** Whether a thread could not be made because there is one of its id. */
export function isTaken(error: unknown): boolean {
  return error instanceof EtlError && error.cause instanceof ThreadTakenError;
}

/** What went wrong with making a thread, known by {@link isTaken} when it was its id. */
export function asTaken(error: unknown): unknown {
  const cause = error instanceof EtlError ? error.cause : undefined;
  if (!(error instanceof EtlError && cause instanceof LanggraphHttpError && cause.status === 409)) return error;
  const { code, message, where, hint } = error;
  return new EtlError(code, message, { where, hint, cause: new ThreadTakenError(cause.text) });
}

/** Whether a server answered, and refused or failed on this one request: the others may still succeed. */
export function isAnswer(error: unknown): boolean {
  return error instanceof EtlError && error.code === 'ETL_REQUEST_FAILED';
}

/** The request was too much at that time, or the server was not well. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

/** Whether trying again can help. */
export function isPassing(error: unknown): boolean {
  if (error instanceof LanggraphHttpError) return passing.has(error.status);
  // A page of a proxy that has no server behind it for the moment; a body that was cut short.
  if (error instanceof LanggraphBodyError) return true;
  return isBroken(error);
}

/** Whether the server would not take a request up at that time, so that it did nothing of it. */
export function isRefused(error: unknown): boolean {
  return error instanceof LanggraphHttpError && error.status === 429;
}

/** Whether the connection broke, could not be made, or nothing came over it for too long. */
function isBroken(error: unknown): boolean {
  const code = systemCode(error) ?? '';
  return code.startsWith('UND_ERR_') ? !ownDoing.has(code) : broken.has(code);
}

/** Whether nobody knows what became of a request: the connection broke before its answer was whole. */
export function isUnanswered(error: unknown): boolean {
  return isBroken(error instanceof EtlError ? error.cause : error);
}

/** What we did ourselves: a request ended, or the connections closed. */
const ownDoing = new Set(['UND_ERR_ABORTED', 'UND_ERR_INVALID_ARG', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);

const broken = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
]);

/** What went wrong with a request, in our terms. `where` names the server without secrets. */
export function langgraphError(error: unknown, where: string): EtlError {
  if (error instanceof EtlError) return error;
  const at = { where: { file: where }, cause: error };
  if (error instanceof LanggraphBodyError) {
    return new EtlError('ETL_REQUEST_FAILED', error.message, {
      ...at,
      hint: 'A proxy, or a page that asks for a log-in, answers in the place of the API: check the address and the key.',
    });
  }
  if (error instanceof LanggraphHttpError) return answered(error, at);
  if (isBroken(error)) {
    const code = systemCode(error) ?? '';
    const what = code.includes('TIMEOUT') ? 'did not answer in time' : 'cannot be reached, or broke off';
    return new EtlError('ETL_CONNECT_FAILED', `the LangGraph server ${what} (${code})`, at);
  }
  return new EtlError('ETL_REQUEST_FAILED', 'the request to the LangGraph server failed', at);
}

function answered(
  error: LanggraphHttpError,
  at: { readonly where: { readonly file: string }; readonly cause: unknown },
): EtlError {
  switch (error.status) {
    case 401:
      return new EtlError('ETL_AUTH_FAILED', error.message, {
        ...at,
        hint:
          'Give the API key of the deployment (a LangSmith service key, not a personal one of another workspace): `apiKey`, ' +
          '--api-key or LANGSMITH_API_KEY. A deployment with its own authentication wants its own header: `headers`.',
      });
    case 403:
      return new EtlError('ETL_AUTH_FAILED', error.message, {
        ...at,
        hint:
          'The key is known and may not do this. Use a service key with rights on the workspace of the deployment; with custom ' +
          'authentication, a user whom its handlers let see every thread.',
      });
    case 404:
      return new EtlError('ETL_REQUEST_FAILED', error.message, {
        ...at,
        hint: error.request.includes('{id}')
          ? 'The thread is gone, or its graph is not deployed on this server: the history of a thread needs its graph there.'
          : 'Is this the address of a LangGraph API? One that is served under a path has it in its address: https://example.org/api.',
      });
    case 409:
      return new EtlError('ETL_REQUEST_FAILED', error.message, {
        ...at,
        hint: 'The thread exists already, or a run is under way on it: wait until it ends, or choose `ifExists`.',
      });
    case 429:
      return new EtlError('ETL_CONNECT_FAILED', error.message, {
        ...at,
        hint: 'The server limits the rate: lower `concurrency` or set `requestsPerSecond`, then run the same command again.',
      });
    default:
      return new EtlError('ETL_REQUEST_FAILED', error.message, at);
  }
}

/** One line of an answer, fit for a message. */
function excerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
