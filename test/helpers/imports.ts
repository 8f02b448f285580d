import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import ts from 'typescript';

/** One import of a source file: static, dynamic, or a re-export. */
export interface Import {
  /** The importing file, from the root of the repository: `src/run.ts`. */
  readonly from: string;
  /** The same for an own file; a package's or built-in's name (`zod`, `@scope/name`, `node:fs/promises`) otherwise. */
  readonly to: string;
  readonly isOwn: boolean;
}

/** Every import in the TypeScript files under `folder`. */
export function importsUnder(folder: string): Import[] {
  return sourceFiles(folder).flatMap((from) =>
    importsIn(readFileSync(from, 'utf8')).map((specifier) => {
      const isOwn = specifier.startsWith('.');
      return { from, to: isOwn ? normalize(join(dirname(from), specifier)) : packageName(specifier), isOwn };
    }),
  );
}

/** The TypeScript files under `folder`, sorted. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name))
    .sort();
}

/** The import specifiers in a piece of TypeScript. */
export function importsIn(text: string): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
}

function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
