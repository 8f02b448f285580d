import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { commandLine } from '../../src/cli/command-line.ts';

/** What a command left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly isTTY?: boolean;
  readonly signals?: EventEmitter;
  /** Sees everything that is written, as it is written. */
  readonly watch?: (text: string) => void;
}

/** Runs the command inside this process. */
export async function etl(
  argv: readonly string[],
  { env = {}, cwd = tmpdir(), isTTY = false, signals = new EventEmitter(), watch }: Surroundings = {},
): Promise<Outcome> {
  const texts = { stdout: '', stderr: '' };
  const output = (name: keyof typeof texts) => ({
    isTTY,
    columns: 100,
    write(text: string) {
      texts[name] += text;
      watch?.(text);
    },
  });
  const code = await commandLine(argv, { stdout: output('stdout'), stderr: output('stderr'), env, cwd, signals });
  return { code, ...texts };
}

/** A folder of the test's own with these files; `DIR` in them stands for it. */
export async function folderWith(t: TestContext, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'etl-cli-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files))
    await writeFile(join(directory, name), text.replaceAll('DIR', directory));
  return directory;
}

/** Messages as JSON lines: odd ones from the user, even ones from the bot. */
export function messages(count: number): string {
  return Array.from(
    { length: count },
    (_, id) => `${JSON.stringify({ id, role: id % 2 === 1 ? 'user' : 'bot', text: 'é'.repeat(id % 50) })}\n`,
  ).join('');
}

export const keepUsers = `name: keep-users
source: { type: jsonl, path: DIR/in.jsonl }
transforms:
  - type: filter
    where: role = "user"
sink: { type: jsonl, path: DIR/out.jsonl }
`;
