import type { Command } from 'commander';

import { kindsAlong } from '../config/wiring.ts';
import type { ConfiguredPipeline } from '../config/load-pipeline.ts';
import { createCommand } from './command.ts';
import type { Cli } from './io.ts';
import { load } from './load.ts';

/** `etl graph FILE` */
export function graphCommand(cli: Cli): Command {
  return createCommand(cli, 'graph', {
    summary: 'draw a pipeline as a Mermaid diagram',
    examples: ['etl graph import.yaml > import.mmd'],
  })
    .argument('<file>', 'pipeline file (YAML)')
    .action(async (file: string) => cli.print(cli.mask(mermaid(await load(cli, file)))));
}

/** The stages from left to right, with what flows between them; rejected records go their own way. */
export function mermaid({ plan, stages }: ConfiguredPipeline): string {
  const kinds = kindsAlong(stages);
  const nodes = stages.map(({ name, component }, order) => {
    const [open, close] = { source: ['([', '])'], transform: ['[', ']'], sink: ['[(', ')]'] }[component.role];
    return `  s${order}${open}"${escaped(name)}"${close}`;
  });
  const edges = stages.slice(1).map((_, order) => `  s${order} -- ${escaped(kinds[order] ?? 'any')} --> s${order + 1}`);
  const rejects =
    plan.onReject === 'stop'
      ? []
      : [
          `  rejects[/"${escaped(plan.onReject.to)}"/]`,
          ...stages.map((_, order) => `  s${order} -. rejected .-> rejects`),
        ];
  return [`---`, `title: ${JSON.stringify(plan.name)}`, `---`, 'flowchart LR', ...nodes, ...edges, ...rejects].join(
    '\n',
  );
}

function escaped(text: string): string {
  return text.replace(/["<>&|\n]/g, (character) => `#${character.charCodeAt(0)};`);
}
