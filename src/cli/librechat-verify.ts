import type { Command } from 'commander';

import { lastExport } from '../jobs/librechat-export.ts';
import { createCommand, wholeNumber } from './command.ts';
import type { Cli } from './io.ts';
import { exportsFolder } from './librechat-export.ts';
import { addLibrechatSource, librechatSourceOf, pathName, type SourceFlags } from './librechat-source.ts';
import { runVerify } from './verify.ts';

/** `etl librechat verify` */
export function librechatVerifyCommand(cli: Cli): Command {
  return addLibrechatSource(
    createCommand(cli, 'verify', {
      summary: 'prove that an export is whole and equal to its LibreChat',
      details:
        'Without a folder it takes the last complete export. Each chat is compared with the database or the dump, and what differs is named. ' +
        'Ends with 4 when something differs',
      examples: [
        'etl librechat verify',
        'etl librechat verify ./exports/export_20260131_080000 --from ./dump/LibreChat',
      ],
    }),
  )
    .argument('[bundle]', 'folder of the export')
    .option('--output-dir <folder>', 'where exports are', pathName, exportsFolder)
    .option('--max <n>', 'differences to list', wholeNumber(0), 20)
    .option('--json', 'print the result as JSON')
    .action(
      async (
        bundle: string | undefined,
        flags: SourceFlags & { readonly outputDir: string; readonly max: number; readonly json?: boolean },
      ) => {
        const { uri, from, database } = await librechatSourceOf(cli, flags);
        const folder = bundle ?? (await lastExport(flags.outputDir));
        await runVerify(cli, folder, { against: uri ?? from, database, max: flags.max, json: flags.json });
      },
    );
}
