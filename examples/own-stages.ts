// A pipeline of stages that are written here, not in the library.
import { mkdir, writeFile } from 'node:fs/promises';

import { pipeline } from '../src/index.ts';
import { folderSink } from './folder-sink.ts';
import { folderSource } from './folder-source.ts';
import { numberRecords } from './number-records.ts';
import { shout } from './shout.ts';

await mkdir('./out/examples/in', { recursive: true });
for (const [id, text] of Object.entries({ a: 'hello', b: 'world' })) {
  await writeFile(`./out/examples/in/${id}.json`, JSON.stringify({ id, text }));
}

const report = await pipeline(folderSource({ path: './out/examples/in' }), { name: 'own-stages' })
  .through(shout())
  .through(numberRecords())
  .to(folderSink({ path: './out/examples/loud' }))
  .run();

console.log(`${report.status}: ${report.counts.written} written`);
