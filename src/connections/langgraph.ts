import { setMaxListeners } from 'node:events';

import type { Pool } from 'undici';

import { EtlError } from '../errors.ts';
import { LanggraphCaller } from './langgraph-caller.ts';
import { langgraphClient } from './langgraph-client.ts';
import type { LanggraphConnection, LanggraphOptions } from './langgraph-connection.ts';
import { langgraphInfo } from './langgraph-info.ts';
import { rateLimit } from './langgraph-rate.ts';
import { oneBufferConnector } from './one-buffer-socket.ts';

export type { LanggraphBody, LanggraphConnection, LanggraphOptions, LanggraphRequest } from './langgraph-connection.ts';

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
  const limits = { connections: concurrency, pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  const pool = new undici.Pool(url.origin, { ...limits, connect: oneBufferConnector(undici, connectTimeoutMs) });
  // The official client reads bodies when it comes to them: it needs memory of its own for each.
  let ordinary: Pool | undefined;
  const closing = new AbortController();
  const life = options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal]);
  // Each request that waits for its turn or its next try listens.
  setMaxListeners(0, life);
  const destroy = async (): Promise<void> => {
    await Promise.all([pool.destroy(), ordinary?.destroy()]);
  };
  life.addEventListener('abort', () => void destroy(), { once: true });
  const close = async (): Promise<void> => {
    if (!closing.signal.aborted) closing.abort(new Error('the connection was closed'));
    await destroy();
  };
  const rate = rateLimit(options.requestsPerSecond);
  const caller = new LanggraphCaller(pool, url.pathname.replace(/\/+$/, ''), where, rate, life, options);
  try {
    const info = await langgraphInfo(caller, options.signal ?? new AbortController().signal);
    // A server in JavaScript has parsed them itself.
    caller.marksNumbers = options.keepsNumbers === true && info.runtime !== 'js';
    return {
      where,
      info,
      json: (request, signal) => caller.json(request, signal),
      read: (request, signal) => caller.read(request, signal),
      client: () => {
        ordinary ??= new undici.Pool(url.origin, { ...limits, connect: { timeout: connectTimeoutMs } });
        return langgraphClient(ordinary, rate, url, options);
      },
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
