import type { Command } from 'commander';

import { preview } from '../config/preview.ts';
import { createCommand, wholeNumber } from './command.ts';
import { listenForInterrupts } from './interrupts.ts';
import type { Cli } from './io.ts';
import { load } from './load.ts';

interface PreviewFlags {
  readonly stage?: string;
  readonly n: number;
}

/** `etl preview FILE` */
export function previewCommand(cli: Cli): Command {
  return createCommand(cli, 'preview', {
    summary: 'show the first records after a stage',
    details: 'Runs the stages up to there and prints their records as JSON lines; nothing is written',
    examples: ['etl preview import.yaml', 'etl preview import.yaml --stage filter -n 20 | jq .'],
  })
    .argument('<file>', 'pipeline file (YAML)')
    .option('--stage <name>', 'stage to look behind (default: the last before the sink)')
    .option('-n <records>', 'how many records', wholeNumber(1), 5)
    .action(async (file: string, { stage, n }: PreviewFlags) => {
      const pipeline = await load(cli, file);
      const { stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
      try {
        await preview(pipeline, { stage, records: n, signal: stop }, (record) =>
          cli.print(JSON.stringify(record) ?? 'null'),
        );
      } finally {
        end();
      }
    });
}
