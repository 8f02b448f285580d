import { z } from 'zod';

/** The option `download` of the bundle sink. */
export const download = z
  .strictObject({
    hosts: z
      .union([z.literal('all'), z.array(z.string().min(1)).min(1)])
      .describe('Hosts that may be asked: names, `*.` for any in front, or `all`.')
      .meta({ examples: [['my-uploads.s3.eu-west-1.amazonaws.com'], ['*.blob.core.windows.net'], 'all'] }),
    privateAddresses: z
      .boolean()
      .default(false)
      .describe(
        'Whether addresses inside a network (127.0.0.1, 10.0.0.0/8 …) may be asked, such as a storage of your own.',
      ),
    maxBytes: z
      .int()
      .positive()
      .default(1024 * 1024 * 1024)
      .describe('A larger file is left where it is.'),
    concurrency: z.int().positive().max(64).default(4).describe('Files fetched at a time.'),
    timeoutMs: z
      .int()
      .positive()
      .default(30_000)
      .describe('The longest wait for an answer, and for the next piece of it.'),
    attempts: z.int().positive().default(5).describe('Tries for what may pass: 429, 5xx, a broken connection.'),
  })
  .optional()
  .describe(
    'Fetches files that are in S3, CloudFront, Azure or Firebase by their links, where no folder of uploads has them. Without it ' +
      'nothing is fetched. Signed links last a few days: what has expired is noted as such.',
  );
