import { EventEmitter } from 'node:events';

import { commandLine } from '../../src/cli/command-line.ts';
import { commands } from '../../src/cli/commands.ts';
import { exitCodeMeanings } from '../../src/cli/exit-codes.ts';
import { createCli, type Io } from '../../src/cli/io.ts';
import { madeFromCode, table } from './markdown.ts';

/** Every command with its help, and the exit codes. */
export async function commandPage(): Promise<string> {
  const sections: string[] = [];
  for (const { name, summary, load } of commands) {
    const maker = await load();
    const group = maker(
      createCli(
        ioTo(() => undefined),
        [],
      ),
    ).commands;
    const calls = [[name], ...group.map((command) => [name, command.name()])];
    const helps = [];
    for (const call of calls) helps.push(`\`\`\`text\n${(await helpOf(call)).trimEnd()}\n\`\`\``);
    sections.push(`## etl ${name}\n\n${summary[0]?.toUpperCase()}${summary.slice(1)}.\n\n${helps.join('\n\n')}`);
  }
  return `# The command \`etl\`

${madeFromCode}

Data goes to the standard output, everything else to the standard error. \`-\` stands for standard input and output. Paths are
relative to the current directory. Variables in pipeline files come from the environment and from a \`.env\` file in the current
directory; the environment wins.

## Exit codes

${table(
  ['code', 'meaning'],
  exitCodeMeanings.map(([code, meaning]) => [String(code), meaning]),
)}

## Environment

${table(
  ['variable', 'meaning'],
  [
    ['`NO_COLOR`, `TERM=dumb`', 'no colours'],
    ['`FORCE_COLOR`', 'colours even when the output is no terminal; `0` for none'],
  ],
)}

${sections.join('\n\n')}
`;
}

async function helpOf(call: readonly string[]): Promise<string> {
  let text = '';
  await commandLine(
    [...call, '--help'],
    ioTo((part) => (text += part)),
  );
  return text;
}

function ioTo(write: (text: string) => unknown): Io {
  return { stdout: { write }, stderr: { write }, env: {}, cwd: '.', signals: new EventEmitter() };
}
