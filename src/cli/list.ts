import type { Command } from 'commander';

import type { Component } from '../component.ts';
import { components } from '../components.ts';
import { createCommand } from './command.ts';
import { padWidth } from './format.ts';
import type { Cli } from './io.ts';

const headings: Readonly<Record<Component['role'], string>> = {
  source: 'Sources',
  transform: 'Transforms',
  sink: 'Sinks',
};

/** `etl list` */
export function listCommand(cli: Cli): Command {
  return createCommand(cli, 'list', {
    summary: 'list sources, transforms and sinks',
    examples: ['etl list', 'etl list --json'],
  })
    .option('--json', 'print the list as JSON')
    .action(({ json = false }: { readonly json?: boolean }) => cli.print(json ? listJson() : listText(cli)));
}

function listText({ outColors }: Cli): string {
  const width = Math.max(...components.map(({ type }) => type.length));
  const parts = Object.entries(headings).map(([role, heading]) => {
    const lines = components
      .filter((component) => component.role === role)
      .map(({ type, summary }) => `  ${padWidth(type, width)}  ${summary}`);
    return [outColors.bold(heading), ...lines.sort()].join('\n');
  });
  return [...parts, 'Options of one: etl describe NAME'].join('\n\n');
}

function listJson(): string {
  return JSON.stringify(
    components.map((component) => ({
      type: component.type,
      role: component.role,
      summary: component.summary,
      ...('accepts' in component ? { accepts: component.accepts } : {}),
      ...('gives' in component ? { gives: component.gives } : {}),
    })),
  );
}
