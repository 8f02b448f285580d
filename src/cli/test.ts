import type { Command } from 'commander';

import { runStageTest, type StageTestResult } from '../config/stage-tests.ts';
import { updateExpected, type NewExpectation } from '../config/update-expected.ts';
import { EtlError } from '../errors.ts';
import { createCommand } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { listenForInterrupts } from './interrupts.ts';
import { safe, type Cli } from './io.ts';
import { load } from './load.ts';

interface TestFlags {
  readonly update?: boolean;
  readonly json?: boolean;
}

type Outcome = StageTestResult & { readonly file: string; readonly updated: boolean };

/** `etl test FILE...` */
export function testCommand(cli: Cli): Command {
  return createCommand(cli, 'test', {
    summary: 'run the tests inside pipeline files',
    details:
      'Each test sends records through the transforms and compares what comes out; source and sink are not touched',
    examples: ['etl test import.yaml', 'etl test pipelines/*.yaml', 'etl test import.yaml --update'],
  })
    .argument('<files...>', 'pipeline files (YAML)')
    .option('--update', 'take over what came out as what is expected')
    .option('--json', 'print the result as JSON')
    .action(async (files: readonly string[], { update = false, json = false }: TestFlags) => {
      const outcomes: Outcome[] = [];
      for (const file of files) {
        for (const outcome of await testFile(cli, file, update)) {
          outcomes.push(outcome);
          sayOutcome(cli, outcome);
        }
      }
      if (outcomes.length === 0)
        throw new EtlError('ETL_USAGE', `no tests in ${files.join(', ')}`, { hint: 'add some under "tests:"' });
      const failed = outcomes.filter(({ difference, updated }) => difference !== undefined && !updated).length;
      const updated = outcomes.filter((outcome) => outcome.updated).length;
      cli.say(
        `${outcomes.length === 1 ? '1 test' : `${outcomes.length} tests`}, ${outcomes.length - failed - updated} passed, ${failed} failed${updated > 0 ? `, ${updated} updated` : ''}`,
      );
      if (json)
        cli.print(cli.mask(JSON.stringify(outcomes.map(({ canUpdate: _, records: __, ...outcome }) => outcome))));
      if (failed > 0) cli.exitCode = exitCodes.testFailed;
    });
}

async function testFile(cli: Cli, file: string, update: boolean): Promise<Outcome[]> {
  const pipeline = await load(cli, file);
  const { stop, end } = listenForInterrupts(cli, (text) => cli.say(text));
  try {
    const outcomes: Outcome[] = [];
    const changes: NewExpectation[] = [];
    for (const [index, test] of pipeline.tests.entries()) {
      const result = await runStageTest(pipeline, test, stop);
      const updated = update && result.canUpdate && result.records !== undefined;
      if (updated) changes.push({ index, test, records: result.records });
      outcomes.push({ ...result, file, updated });
    }
    if (changes.length > 0) await updateExpected(file, changes);
    return outcomes;
  } finally {
    end();
  }
}

function sayOutcome(cli: Cli, { file, name, difference, updated }: Outcome): void {
  const { colors } = cli;
  const mark =
    difference === undefined ? colors.green('ok') : updated ? colors.yellow('updated') : colors.red('failed');
  cli.say(`${mark}  ${safe(file)}: ${safe(name)}`);
  if (difference !== undefined && !updated) cli.say(safe(difference).replace(/^/gm, '    '));
}
