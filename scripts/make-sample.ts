import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateLibrechat } from '../test/helpers/librechat-data/generate-librechat.ts';
import type { Manifest } from '../test/helpers/librechat-data/manifest.ts';
import { writeDump } from '../test/helpers/librechat-data/write-dump.ts';

const SAMPLE = { seed: 20_260, users: 6, conversations: 40, damage: true, textScale: 0.2, maxTurns: 5 } as const;

/**
 * Writes the bundled LibreChat sample into a directory that does not hold one: a `mongodump` folder, uploads, images,
 * `manifest.json` with what is in it, and a README. Gives the same bytes every time.
 */
export async function makeSample(directory: string): Promise<Manifest> {
  await mkdir(directory, { recursive: true });
  const { records, manifest } = generateLibrechat(SAMPLE);
  await writeDump(records, { directory, indexes: 'damaged' });
  await writeFile(join(directory, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);
  await writeFile(join(directory, 'README.md'), readme(manifest));
  await writeFile(join(directory, '.gitattributes'), '* -text\n'); // a checkout must not touch line ends: files are hashed
  return manifest;
}

function readme({ collections, damage, features, binaries, users, secrets }: Manifest): string {
  const table = (head: readonly [string, string], rows: readonly (readonly [string, number])[]): string =>
    [`| ${head[0]} | ${head[1]} |`, '|---|---:|', ...rows.map(([name, count]) => `| ${name} | ${count} |`)].join('\n');
  const byName = (counts: Record<string, number>): [string, number][] =>
    Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  const damaged = byName(Object.fromEntries(Object.entries(damage).map(([kind, { count }]) => [kind, count])));
  const owners = Object.values(users).map(
    ({ email, isDeleted, ...counts }) =>
      `| \`${email}\`${isDeleted ? ' (not in `users` any more)' : ''} | ${counts.conversations} | ${counts.messages} | ${counts.files} |`,
  );
  return `# A small LibreChat, generated

Nobody wrote these chats: \`scripts/make-sample.ts\` makes them from a seed, the same bytes every time, and a test holds
that. They have every part type, storage kind and kind of damage that the tests know, in known counts, and planted
secrets that must never show up in an export: each contains the word \`${secrets.mark}\`.

- \`dump/LibreChat/\`: a folder as \`mongodump\` writes it. The unique indexes are missing, as on servers where building
  them failed; that is how duplicates get in.
- \`uploads/\`, \`images/\`, \`public/\`: ${binaries.count} files, ${binaries.bytes} bytes. Some documents have no file.
- \`outside-the-roots.txt\`: lies beside the roots on purpose; a damaged path points to it.
- \`manifest.json\`: all of the counts below with the ids concerned and what repair should give.

To make it again: \`npx tsx scripts/make-sample.ts\`.

## Documents

${table(['collection', 'documents'], byName(collections))}

## Owners

| e-mail | conversations | messages | files |
|---|---:|---:|---:|
${owners.join('\n')}

## Damage

One line a kind, counting the documents that bear it.

${table(['kind', 'documents'], damaged)}

## What else occurs

${table(['feature', 'times'], byName(features))}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = fileURLToPath(new URL('../samples/librechat', import.meta.url));
  await rm(directory, { recursive: true, force: true });
  const { collections, binaries } = await makeSample(directory);
  process.stdout.write(
    `${collections.conversations} conversations, ${collections.messages} messages, ${binaries.count} files\n`,
  );
}
