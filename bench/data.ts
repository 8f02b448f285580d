import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Raised when the generated data changes, so that files made before are not taken for it. */
const version = 1;

const plainWords = (
  'the of and to in is you that it for on are with as this be at have or from one had by word but what some we can out other ' +
  'were all there when up use your how said an each she which do their time if will way about many then them write would like ' +
  'so these her long make thing see him two has look more day could go come did number sound no most people my over know ' +
  'water than call first who may down side been now find any new work part take get place made live where after back little'
).split(' ');
const otherWords = 'größer über naïve café façade “quoted” — 你好 世界 数据 Привет мир данные שלום 😀 🎉 👩🏽‍💻'.split(
  ' ',
);

/** A repeatable stream of numbers below `bound` (mulberry32). */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** A chat message as a bench sees it: about 1.7 KB of JSON; four of ten hold other alphabets and emoji. */
export interface BenchMessage {
  readonly messageId: string;
  readonly conversationId: string;
  readonly parentMessageId: string | null;
  readonly sender: string;
  readonly isCreatedByUser: boolean;
  readonly createdAt: string;
  readonly tokenCount: number;
  readonly text: string;
  readonly content: readonly { readonly type: string; readonly text: string }[];
}

/** Messages without end, the same for the same seed. */
export function* messages(seed = 1): Generator<BenchMessage> {
  const random = randomFrom(seed);
  // Texts are put together from ready pieces: the data has to be made faster than it is measured.
  const piece = (words: readonly string[]): string =>
    Array.from({ length: 5 + random(40) }, () => words[random(words.length)]).join(random(4) === 0 ? ' \n' : ' ');
  const plain = Array.from({ length: 2000 }, () => piece(plainWords));
  const other = Array.from({ length: 2000 }, () => piece([...plainWords, ...otherWords]));
  const text = (parts: number, pieces: readonly string[]): string =>
    Array.from({ length: parts }, () => pieces[random(pieces.length)]).join('. ');
  for (let index = 0; ; index += 1) {
    const isCreatedByUser = index % 2 === 0;
    const pieces = random(10) < 4 ? other : plain;
    yield {
      messageId: `m-${index}`,
      conversationId: `c-${Math.floor(index / 12)}`,
      parentMessageId: index % 12 === 0 ? null : `m-${index - 1}`,
      sender: isCreatedByUser ? 'User' : 'gpt-4o',
      isCreatedByUser,
      createdAt: new Date(1_700_000_000_000 + index * 1000).toISOString(),
      tokenCount: random(4000),
      text: text(1 + random(isCreatedByUser ? 8 : 20), pieces),
      content: [{ type: 'text', text: text(1 + random(8), pieces) }],
    };
  }
}

/** A file of JSON lines of at least so many megabytes, made once. */
export function messagesFile(megabytes: number): Promise<string> {
  return made(`messages-${megabytes}mb.jsonl`, async (file) => {
    let size = 0;
    await written(file, function* () {
      for (const message of messages()) {
        const line = Buffer.from(`${JSON.stringify(message)}\n`);
        size += line.length;
        yield line;
        if (size >= megabytes * 1e6) return;
      }
    });
  });
}

/** One JSON object with the array `threads`, each thread with 12 messages; at least so many megabytes, made once. */
export function threadsFile(megabytes: number): Promise<string> {
  return made(`threads-${megabytes}mb.json`, async (file) => {
    let size = 0;
    await written(file, function* () {
      yield Buffer.from('{"exported_at":"2026-01-01T00:00:00Z","threads":[');
      const source = messages();
      for (let index = 0; size < megabytes * 1e6; index += 1) {
        const values = { messages: Array.from({ length: 12 }, () => source.next().value as BenchMessage) };
        const thread = Buffer.from(
          `${index === 0 ? '' : ','}${JSON.stringify({ thread_id: `t-${index}`, status: 'idle', values })}`,
        );
        size += thread.length;
        yield thread;
      }
      yield Buffer.from('],"total":true}\n');
    });
  });
}

/** A file so many times over in one, made once. */
export function repeatedFile(path: string, times: number): Promise<string> {
  return made(`${times}-times-${basename(path).replace(/^v\d+-/, '')}`, async (file) => {
    for (let time = 0; time < times; time += 1) await file.writeFile(await readFile(path));
  });
}

/** Where benches keep the data they have made: below the system's temporary folder. */
async function made(name: string, write: (file: FileHandle) => Promise<void>): Promise<string> {
  const folder = join(tmpdir(), 'etl-bench-data');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `v${version}-${name}`);
  if (existsSync(path)) return path;
  console.log(`making ${path}`);
  const file = await open(`${path}.part`, 'w');
  try {
    await write(file);
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  return path;
}

/** Writes pieces in blocks of about a megabyte. */
async function written(file: FileHandle, pieces: () => Iterable<Buffer>): Promise<void> {
  let block: Buffer[] = [];
  let size = 0;
  for (const piece of pieces()) {
    block.push(piece);
    size += piece.length;
    if (size < 1 << 20) continue;
    await file.writeFile(Buffer.concat(block));
    block = [];
    size = 0;
  }
  await file.writeFile(Buffer.concat(block));
}

/** The sha256 of a file, for comparing outputs. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
