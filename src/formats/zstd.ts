import { Decompress } from 'fzstd';
import { FormatError } from './format-error.ts';
import type { Engine } from './json-chunk.ts';
import { createXxhash64 } from './xxhash64.ts';

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const MAX_BLOCK_BYTES = 131_072;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

type Part = 'magic' | 'descriptor' | 'header' | 'block header' | 'block' | 'checksum' | 'skipped size' | 'skipped';

/**
 * Decompresses zstd: any number of frames, skippable ones left out, checksums verified where a frame has one.
 *
 * Frames are taken apart here and given to the decoder a block at a time, so that a block's 128 KiB is the most that comes
 * out at once, and because the decoder (`fzstd`) does not check checksums.
 *
 * @throws {FormatError} when the input ends inside a frame or is damaged; what came before was given out.
 * @see RFC 8878
 */
export async function* unzstd(
  chunks: AsyncIterable<Uint8Array>,
  engine?: Engine,
): AsyncGenerator<Uint8Array, void, undefined> {
  let part: Part = 'magic';
  // The bytes of the part being read, and how many it has.
  let bytes: Uint8Array[] = [];
  let missing = 4;
  let isLastBlock = false;
  let hasChecksum = false;
  let decoder: Decompress | undefined;
  const hash = createXxhash64(engine);
  let out: Uint8Array[] = [];
  let offset = 0;

  const damaged = (why: string, cause?: unknown): FormatError =>
    new FormatError(`compressed data is damaged at byte ${offset}: ${why}`, { offset }, { cause });
  const feed = (piece: Uint8Array, isLast: boolean): void => {
    try {
      decoder?.push(piece, isLast);
    } catch (error) {
      throw damaged((error as Error).message, error);
    }
  };
  const endFrame = (): void => {
    feed(new Uint8Array(0), true);
    decoder = undefined;
    part = 'magic';
    missing = 4;
  };

  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      const to = Math.min(chunk.length, from + missing);
      missing -= to - from;
      if (part !== 'skipped') bytes.push(chunk.subarray(from, to));
      offset += to - from;
      from = to;
      if (missing > 0) continue;
      const piece = Buffer.concat(bytes);
      bytes = [];

      switch (part) {
        case 'magic': {
          const magic = piece.readUInt32LE(0);
          if ((magic & 0xfffffff0) === SKIPPABLE) {
            part = 'skipped size';
            missing = 4;
            break;
          }
          if (magic !== FRAME) throw damaged('a zstd frame was expected');
          hash.reset();
          decoder = new Decompress((data) => {
            hash.update(data);
            out.push(data);
          });
          feed(piece, false);
          part = 'descriptor';
          missing = 1;
          break;
        }
        case 'descriptor': {
          const descriptor = piece[0] ?? 0;
          const isSingle = (descriptor & 32) !== 0;
          hasChecksum = (descriptor & 4) !== 0;
          const sizeBytes = CONTENT_SIZE_BYTES[descriptor >> 6] ?? 0;
          missing = (isSingle ? 0 : 1) + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + (sizeBytes || (isSingle ? 1 : 0));
          part = 'header';
          feed(piece, false);
          break;
        }
        case 'header':
          feed(piece, false);
          part = 'block header';
          missing = 3;
          break;
        case 'block header': {
          const header = piece.readUIntLE(0, 3);
          const isRepeated = ((header >> 1) & 3) === 1;
          if (header >> 3 > MAX_BLOCK_BYTES) throw damaged('a block is longer than 128 KiB');
          isLastBlock = (header & 1) === 1;
          missing = isRepeated ? 1 : header >> 3;
          part = 'block';
          feed(piece, false);
          // An empty block has no bytes to wait for.
          if (missing > 0) break;
          part = isLastBlock ? 'checksum' : 'block header';
          missing = isLastBlock ? 4 : 3;
          if (isLastBlock && !hasChecksum) endFrame();
          break;
        }
        case 'block':
          feed(piece, false);
          yield* out;
          out = [];
          part = isLastBlock ? 'checksum' : 'block header';
          missing = isLastBlock ? 4 : 3;
          if (isLastBlock && !hasChecksum) endFrame();
          break;
        case 'checksum':
          feed(piece, false);
          endFrame();
          if (hash.digest() !== piece.readUInt32LE(0)) throw damaged('the checksum does not match');
          break;
        case 'skipped size':
          missing = piece.readUInt32LE(0);
          part = missing > 0 ? 'skipped' : 'magic';
          missing ||= 4;
          break;
        case 'skipped':
          part = 'magic';
          missing = 4;
          break;
      }
      yield* out;
      out = [];
    }
  }
  if (part !== 'magic' || missing < 4)
    throw new FormatError(`compressed data ends early at byte ${offset}`, { offset, isTruncated: true });
}
