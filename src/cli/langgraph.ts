import type { Command } from 'commander';

import { createCommand } from './command.ts';
import type { Cli } from './io.ts';
import { langgraphExportCommand } from './langgraph-export.ts';
import { langgraphImportCommand } from './langgraph-import.ts';
import { langgraphMigrateCommand } from './langgraph-migrate.ts';
import { langgraphValidateCommand } from './langgraph-validate.ts';

/** `etl langgraph export | import | migrate | validate`: pipelines that are filled in from flags and the environment. */
export function langgraphCommand(cli: Cli): Command {
  const group = createCommand(cli, 'langgraph', {
    summary: 'export, import, migrate and compare threads of LangGraph servers',
    details:
      'Servers are named by --source-url and --target-url, keys by --api-key or LANGSMITH_API_KEY, or one for each end. ' +
      'All of these variables may stand in .env',
    examples: [
      'etl langgraph export --source-url http://localhost:2024 --path ./exports/threads',
      'etl langgraph migrate --source-url http://localhost:2024 --target-url http://localhost:2025 --test-single',
      'etl langgraph validate --backup-file ./exports/threads --target-url http://localhost:2025',
    ],
  });
  group.addCommand(langgraphExportCommand(cli));
  group.addCommand(langgraphImportCommand(cli));
  group.addCommand(langgraphMigrateCommand(cli));
  group.addCommand(langgraphValidateCommand(cli));
  return group;
}
