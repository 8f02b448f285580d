// `npm run bench -- NAME …` runs bench/NAME.ts, compiled as the package ships; without a name, lists what there is.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { compile } from './compile.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const names = readdirSync('bench')
  .filter((file) => file.endsWith('.ts') && /^await bench\(/m.test(readFileSync(`bench/${file}`, 'utf8')))
  .map((file) => file.replace(/\.ts$/, ''));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !names.includes(name));

if (asked.length === 0 || unknown.length > 0) {
  for (const name of unknown) console.error(`there is no bench "${name}"`);
  console.log(`npm run bench -- NAME\n${names.map((name) => `  ${name}`).join('\n')}`);
  process.exitCode = unknown.length > 0 ? 2 : 0;
} else {
  const folder = compile();
  for (const name of asked) {
    const { status } = spawnSync(process.execPath, [`${folder}/bench/${name}.js`], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}
