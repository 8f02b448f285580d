import { z } from 'zod';

const positive = z.int().positive();

/** Options of everything that speaks to a LangGraph server: where it is, and who asks. */
export function langgraphServerOptions(variable: string) {
  return {
    apiUrl: z
      .string()
      .min(1)
      .describe('Address of the LangGraph API server.')
      .meta({ examples: ['http://localhost:2024', `\${${variable}}`] }),
    apiKey: z
      .string()
      .min(1)
      .optional()
      .describe('Key of the deployment, sent as `x-api-key`.')
      .meta({ secret: true, examples: ['${LANGSMITH_API_KEY}'] }),
    headers: z
      .record(z.string(), z.string())
      .optional()
      .describe('Further headers, for a deployment with authentication of its own.')
      .meta({ secret: true }),
  };
}

/** How fast it is asked. */
export const langgraphRateOptions = {
  requestsPerSecond: z
    .number()
    .positive()
    .optional()
    .describe('Requests in a second, all together. Default: no limit.'),
};

/** How long it is waited for. */
export const langgraphPatienceOptions = {
  timeoutMs: positive.default(120_000).describe('Longest wait for an answer to begin, and between its pieces.'),
  connectTimeoutMs: positive.default(15_000).describe('Longest wait for a connection.'),
  attempts: positive.default(6).describe('Tries of each request that a server fails on, or does not answer.'),
};
