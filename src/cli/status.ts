import type { Command } from 'commander';

import { identityOf } from '../plan.ts';
import type { Progress } from '../stage.ts';
import { createCommand } from './command.ts';
import { formatCount, formatDuration } from './format.ts';
import { safe, type Cli } from './io.ts';
import { load } from './load.ts';

/** `etl status FILE` */
export function statusCommand(cli: Cli): Command {
  return createCommand(cli, 'status', {
    summary: 'show how far a run has come',
    examples: ['etl status import.yaml', 'etl status import.yaml --json'],
  })
    .argument('<file>', 'pipeline file (YAML)')
    .option('--json', 'print it as JSON')
    .action(async (file: string, { json = false }: { readonly json?: boolean }) => {
      const { plan } = await load(cli, file);
      const identity = identityOf(plan);
      const ledger = plan.sink.ledger?.(identity);
      const progress = await ledger?.peek();
      const isSame = progress === undefined || progress.digest === identity.digest;
      if (json)
        cli.print(
          cli.mask(
            JSON.stringify({
              pipeline: plan.name,
              ledger: ledger?.where ?? null,
              unchangedConfiguration: isSame,
              progress: progress ?? null,
            }),
          ),
        );
      else cli.print(cli.mask(statusText(plan.name, ledger?.where, progress, isSame, file)));
    });
}

function statusText(
  name: string,
  where: string | undefined,
  progress: Progress | undefined,
  isSame: boolean,
  file: string,
): string {
  if (where === undefined) return `${safe(name)}: its sink keeps no progress; each run starts over`;
  if (progress === undefined) return `${safe(name)}: not run yet`;
  const { counts, attempts, startedAt, savedAt, elapsedMs } = progress;
  const lines = [
    `${safe(name)}: ${stateText(progress, file)}`,
    `  ${formatCount(counts.read)} read, ${formatCount(counts.written)} written, ${formatCount(counts.filtered)} filtered, ${formatCount(counts.rejected)} rejected`,
    `  started ${startedAt}, last commit ${savedAt}, ${attempts === 1 ? 'one attempt' : `${attempts} attempts`}, ${formatDuration(elapsedMs)} of work`,
    `  progress is kept in ${safe(where)}`,
  ];
  if (!isSame) lines.push('  the pipeline file was changed since: a run is refused unless it starts over (--new-run)');
  return lines.join('\n');
}

function stateText({ status }: Progress, file: string): string {
  return {
    finished: 'finished',
    running: `begun and not finished; go on with: etl run ${file}`,
    sampled: 'only a sample was run (--limit)',
  }[status];
}
