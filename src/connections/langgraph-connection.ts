import type { Client } from '@langchain/langgraph-sdk';

import type { EtlError } from '../errors.ts';
import type { Runtime } from '../models/langgraph.ts';

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
  /** False for a request that must not be carried out twice: it is sent again after 429 only. Default true. */
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
  /** Nobody looks at `bytes` any more: the memory is used for other answers. May be left undone. */
  giveBack(): void;
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
  /** The official client, under the same rate, for what has no hot path: runs, assistants. */
  client(): Promise<Client>;
  close(): Promise<void>;
}
