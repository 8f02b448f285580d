import { z } from 'zod';

import { defineSink } from '../component.ts';
import { jsonLinesLayout } from '../files/json-layout.ts';
import { writeRecordStream } from '../files/record-stream.ts';
import type { Sink } from '../stage.ts';

const options = z.strictObject({});

/**
 * Writes records as JSON lines to the standard output, each batch at once. Keeps no progress: a repeated run starts over.
 *
 * When the reader goes away (`… | head`) the run ends there, without an error.
 */
export function stdoutSink(input: z.input<typeof options> = {}): Sink<unknown> {
  options.parse(input);
  return {
    role: 'sink',
    name: 'stdout',
    writesText: true,
    write: (batches, ctx) => writeRecordStream(batches, ctx, { layout: jsonLinesLayout }),
  };
}

export const stdoutSinkComponent = defineSink({
  type: 'stdout',
  summary: 'JSON lines on the standard output',
  details:
    'Keeps no progress: a repeated run starts over. Ends quietly when the reader goes away, as in `etl run … | head`.',
  accepts: 'any',
  options,
  examples: ['type: stdout'],
  create: stdoutSink,
});
