import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import ts from 'typescript';

const target = 'out/bench';

/**
 * Puts the sources, the benches and what they take from the tests as JavaScript into `out/bench`, file by file as the build
 * does it, so that what is measured is what the package ships: no loader, and threads that start as they do there. Gives
 * the folder.
 *
 * Only files that changed are compiled. Not `dist`: other work may be building that while a bench runs.
 */
export function compile(): string {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8')) as { config: object };
  const { options: given } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
  // Of one file alone it is not known that the package is one of modules.
  const options = { ...given, module: ts.ModuleKind.ESNext };
  for (const folder of ['src', 'bench', 'test/helpers']) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.endsWith('.d.ts')) continue;
      const from = `${entry.parentPath}/${entry.name}`;
      const to = `${target}/${from.replace(/\.ts$/, '.js')}`;
      if (existsSync(to) && statSync(to).mtimeMs > statSync(from).mtimeMs) continue;
      mkdirSync(dirname(to), { recursive: true });
      if (from.endsWith('.ts')) writeFileSync(to, ts.transpile(readFileSync(from, 'utf8'), options, from));
      else copyFileSync(from, to);
    }
  }
  if (!existsSync(`${target}/wasm`)) symlinkSync('../../wasm', `${target}/wasm`);
  return target;
}
