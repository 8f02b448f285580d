import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { inOwnGroup, quietEnvironment, serverProcess, unrefStream, type TestLanggraph } from './server-process.ts';

/**
 * A real JavaScript LangGraph server with no threads in it, on a free port: graphs `desk`, `deep_desk`, `workshop`, and what
 * `graphs` adds (`name: "absolute file:export"`). `withAuth`: keys `ana-key` and `ben-key`, each with threads of its own.
 */
export async function startLanggraph(
  options: { readonly graphs?: Readonly<Record<string, string>>; readonly withAuth?: boolean } = {},
): Promise<TestLanggraph> {
  const folder = await mkdtemp(join(tmpdir(), 'etl-langgraph-'));
  const script = join(import.meta.dirname, 'fixtures', `serve${extname(import.meta.filename)}`);
  const args = ['--import', 'tsx', script, folder, JSON.stringify(options)];
  const child = spawn(...inOwnGroup(process.execPath, args), {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
    env: quietEnvironment(),
  });
  return await serverProcess(child, 'js', folder, async (signal) => {
    const lines = createInterface({ input: child.stdout });
    for (;;) {
      const [line] = (await once(lines, 'line', { signal })) as [string];
      if (!line.startsWith('{"url"')) continue;
      unrefStream(child.stdout);
      return (JSON.parse(line) as { readonly url: string }).url;
    }
  });
}
