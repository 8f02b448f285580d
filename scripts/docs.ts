// Makes the pages that follow from the code: `npm run docs`. With --check nothing is written, and a page that is stale, missing
// or left over is a failure.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { components } from '../src/components.ts';
import { pipelineSchema } from '../src/config/pipeline-schema.ts';
import { commandPage } from './docs/command-page.ts';
import { componentIndex, componentPage } from './docs/component-page.ts';
import { errorPage } from './docs/error-page.ts';
import { withExamples } from './docs/guide.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
// Everything in here is made by this script.
const ownFolders = ['docs/components'];

const types = [...new Set(components.map(({ type }) => type))].sort();
const pages = new Map<string, string>([
  ['docs/components/README.md', componentIndex(components)],
  ...types.map(
    (type) =>
      [`docs/components/${type}.md`, componentPage(components.filter((component) => component.type === type))] as const,
  ),
  ['docs/errors.md', errorPage()],
  ['docs/cli.md', await commandPage()],
  ['schema/pipeline.schema.json', `${JSON.stringify(pipelineSchema(components), null, 2)}\n`],
]);
for (const path of filesUnder('docs/guides')) {
  pages.set(
    path,
    withExamples(textOf(path) ?? '', (example) => textOf(example) ?? missing(example)),
  );
}
const stale = [...pages].filter(([path, text]) => textOf(path) !== text).map(([path]) => path);
const leftOver = ownFolders.flatMap(filesUnder).filter((path) => !pages.has(path));

if (process.argv.includes('--check')) {
  for (const path of stale) console.error(`${path} does not follow from the code: npm run docs`);
  for (const path of leftOver) console.error(`${path} is not made by scripts/docs.ts any more: npm run docs`);
  process.exitCode = stale.length + leftOver.length > 0 ? 1 : 0;
} else {
  for (const path of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), pages.get(path) ?? '');
  }
  for (const path of leftOver) rmSync(join(root, path));
}
console.log(`${pages.size} pages, ${stale.length} stale, ${leftOver.length} left over`);

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

function missing(path: string): never {
  throw new Error(`there is no ${path}, which a guide shows`);
}

function filesUnder(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
}
