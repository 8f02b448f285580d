import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** A test with a folder of its own, which goes when the test ends. */
export function testIn(name: string, run: (directory: string) => Promise<void>): void {
  test(name, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'threadmill-'));
    try {
      await run(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}
