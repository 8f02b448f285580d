import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateLibrechat } from '../test/helpers/librechat-data/generate-librechat.ts';
import { writeDump } from '../test/helpers/librechat-data/write-dump.ts';
import { writeExport } from '../test/helpers/librechat-data/write-export.ts';

const USAGE = `tsx scripts/generate-librechat.ts --out DIR --conversations N [--seed S] [--users U] [--damage]
  [--format bson|relaxed|canonical] [--gzip] [--big COUNT --big-bytes BYTES] [--text-scale F] [--no-binaries]
About 21 KB of BSON a conversation: 48000 make 1 GB.`;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    out: { type: 'string' },
    conversations: { type: 'string' },
    seed: { type: 'string', default: '1' },
    users: { type: 'string', default: '40' },
    damage: { type: 'boolean', default: false },
    format: { type: 'string', default: 'bson' },
    gzip: { type: 'boolean', default: false },
    big: { type: 'string', default: '0' },
    'big-bytes': { type: 'string', default: '2000000' },
    'text-scale': { type: 'string', default: '1' },
    binaries: { type: 'boolean', default: true },
  },
});

const { out, conversations, format } = values;
if (out === undefined || conversations === undefined || !['bson', 'json', 'relaxed', 'canonical'].includes(format)) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}

const started = process.hrtime.bigint();
const { records, manifest } = generateLibrechat({
  seed: wholeNumber('seed', values.seed),
  users: wholeNumber('users', values.users),
  conversations: wholeNumber('conversations', conversations),
  damage: values.damage,
  binaries: values.binaries,
  textScale: Number(values['text-scale']),
  big: { count: wholeNumber('big', values.big), bytes: wholeNumber('big-bytes', values['big-bytes']) },
});
await mkdir(out, { recursive: true });
const written =
  format === 'bson'
    ? await writeDump(records, { directory: out, indexes: values.damage ? 'damaged' : 'current', gzip: values.gzip })
    : await writeExport(records, { directory: out, format: format === 'canonical' ? 'canonical' : 'relaxed' });
await writeFile(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 1)}\n`);

const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const bytes = Object.values(written).reduce((sum, collection) => sum + collection.bytes, 0);
for (const [name, collection] of Object.entries(written)) {
  process.stdout.write(
    `${name.padEnd(24)} ${String(collection.documents).padStart(10)} documents ${String(collection.bytes).padStart(14)} bytes\n`,
  );
}
process.stdout.write(
  `binaries                 ${String(manifest.binaries.count).padStart(10)} files     ${String(manifest.binaries.bytes).padStart(14)} bytes\n`,
);
const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(
  `${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s (${(bytes / 1e6 / seconds).toFixed(1)} MB/s), peak memory ${peakMb} MB\n`,
);

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    process.stderr.write(`expected a whole number for --${name}, received "${text}"\n${USAGE}\n`);
    process.exit(2);
  }
  return value;
}
