import type { Command } from 'commander';

import { components } from '../components.ts';
import { pipelineSchema } from '../config/pipeline-schema.ts';
import { createCommand } from './command.ts';
import type { Cli } from './io.ts';

/** `etl schema` */
export function schemaCommand(cli: Cli): Command {
  return createCommand(cli, 'schema', {
    summary: 'print the JSON Schema of pipeline files',
    details: 'Editors complete and check with it; the package holds it as schema/pipeline.schema.json',
    examples: ['etl schema > pipeline.schema.json'],
  }).action(() => cli.print(JSON.stringify(pipelineSchema(components), null, 2)));
}
