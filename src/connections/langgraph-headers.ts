import type { LanggraphOptions } from './langgraph-connection.ts';

/** The headers of every request. */
export function langgraphHeaders({ apiKey, headers = {} }: LanggraphOptions): Record<string, string> {
  return { accept: 'application/json', ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }), ...headers };
}
