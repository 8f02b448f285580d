import type { Client } from '@langchain/langgraph-sdk';
import type { Dispatcher, Pool } from 'undici';

import type { LanggraphOptions } from './langgraph-connection.ts';
import { langgraphHeaders } from './langgraph-headers.ts';
import type { RateLimit } from './langgraph-rate.ts';

/** The official client, over this pool and under the rate of ours. */
export async function langgraphClient(
  pool: Pool,
  rate: RateLimit,
  url: URL,
  options: LanggraphOptions,
): Promise<Client> {
  const [{ Client }, undici] = await Promise.all([import('@langchain/langgraph-sdk'), import('undici')]);
  const signal = options.signal ?? new AbortController().signal;
  return new Client({
    apiUrl: url.href.replace(/\/+$/, ''),
    // Null keeps it from taking a key out of the environment.
    apiKey: null,
    defaultHeaders: { ...langgraphHeaders(options) },
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
