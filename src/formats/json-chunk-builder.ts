import { isUtf8 } from 'node:buffer';
import { withoutBrokenText } from './broken-text.ts';
import { ChunkBytes } from './chunk-bytes.ts';
import { ChunkValues } from './chunk-values.ts';
import { explainJson } from './explain-json.ts';
import { EXCERPT_BYTES, type BuiltChunk, type ChunkLimits, type NumberedBadJson } from './json-chunk.ts';
import { verdicts } from './json-scan-events.ts';
import { stripLineBreaks } from './strip-line-breaks.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

interface BuilderOptions extends ChunkLimits {
  /** Byte offset in the input of the first byte that will come, and the number of the first value. */
  readonly offset: number;
  readonly number: number;
  /** Lines: a blank one is skipped. Elements: nothing between two commas is bad, and line breaks inside are dropped. */
  readonly of: 'lines' | 'elements';
}

/**
 * Gathers the values a scanner has found into chunks of contiguous lines.
 *
 * For each block of input: `begin`, then `close` at each terminator (and `take` when it says that the chunk is full),
 * then `flush`. Bytes are copied once, in runs: as long as values are clean they wait in the block, until the block
 * ends or the chunk is taken. Positions in the pending run are numbered as if it were already behind the buffer.
 */
export class JsonChunkBuilder {
  private readonly batchSize: number;
  private readonly batchBytes: number;
  private readonly maxBytes: number;
  private readonly ofLines: boolean;

  private readonly out: ChunkBytes;
  private readonly values = new ChunkValues();
  private block: Uint8Array = new Uint8Array(0);
  private blockOffset: number;
  private runFrom = 0;
  // First line feed and carriage return in the block not before the value, for elements only.
  private nextFeed = Infinity;
  private nextReturn = Infinity;
  private hasBreaks = false;

  private number: number;
  private start = 0;
  private startOffset: number;
  // The beginning of a value that is too long to keep.
  private excerpt: Buffer | undefined;

  private chunkOffset = 0;
  // Values whose terminator in the chunk is a line feed already.
  private fixed = 0;
  private bad: NumberedBadJson[] = [];

  constructor(options: BuilderOptions) {
    const { batchSize = 500, batchBytes = 262_144, maxLineBytes = 67_108_864, offset, number } = options;
    this.batchSize = batchSize;
    this.batchBytes = batchBytes;
    this.maxBytes = maxLineBytes;
    this.ofLines = options.of === 'lines';
    this.out = new ChunkBytes(batchBytes, options.memory);
    this.blockOffset = offset;
    this.startOffset = offset;
    this.number = number;
  }

  /** The input goes on at `from` in `block`, which is `offset` in the input. */
  begin(block: Uint8Array, from: number, offset: number): void {
    if (!this.ofLines && (block !== this.block || offset - from !== this.blockOffset)) {
      this.nextFeed = indexOrInfinity(block, NEWLINE, from);
      this.nextReturn = indexOrInfinity(block, RETURN, from);
    }
    this.block = block;
    this.blockOffset = offset - from;
    this.runFrom = from;
    if (this.start === this.out.used && this.excerpt === undefined) this.startOffset = offset;
  }

  /** Number of the value being read. */
  get nextNumber(): number {
    return this.number;
  }

  /** Byte offset in the input of the value being read. */
  get valueOffset(): number {
    return this.startOffset;
  }

  /** Ends the value at its terminator. True when the chunk is full. */
  close(position: number, verdict: number): boolean {
    this.beginChunk();
    const length = this.blockOffset + position - this.startOffset;
    // A value that will be reported is shown as it is.
    const isGood = verdict === verdicts.valid && length <= this.maxBytes;
    if (isGood && !this.ofLines) this.skipSpace();
    const { start, runFrom, block } = this;
    const { buffer, used } = this.out;
    const first = start < used ? buffer[start] : block[runFrom + start - used];
    const last = position > runFrom ? block[position - 1] : buffer[used - 1];
    const clean = isGood && isInk(first) && isInk(last);
    if (clean && !this.hasBreaks && this.nextFeed >= position && this.nextReturn >= position) {
      const end = used + position - runFrom;
      this.values.add(start, end, this.startOffset, this.number);
      this.start = end + 1;
    } else {
      if (this.excerpt === undefined) this.copyRun(position);
      else this.extendExcerpt(position);
      this.runFrom = position + 1;
      this.closeCopied(verdict, length);
      this.start = this.out.used;
    }
    return this.closed(position + 1);
  }

  /** What was read since the last value is none: the next one begins at `position` in the block. */
  discard(position: number): void {
    this.copyRun(this.runFrom + Math.max(0, this.start - this.out.used));
    this.out.used = this.start;
    this.runFrom = position;
    this.startOffset = this.blockOffset + position;
    this.hasBreaks = false;
  }

  /** Ends the last value, which has no terminator. */
  closeAtEnd(verdict: number): void {
    this.beginChunk();
    const length = this.blockOffset + this.runFrom - this.startOffset;
    this.closeCopied(verdict, length);
    this.start = this.out.used;
    this.closed(this.runFrom);
  }

  /** The block is used up to `position`; the value may go on in the next one. */
  flush(position: number): void {
    if (this.excerpt === undefined) {
      this.copyRun(position);
      if (this.nextFeed < position || this.nextReturn < position) this.hasBreaks = true;
      const length = this.blockOffset + position - this.startOffset;
      if (length > this.maxBytes) {
        this.excerpt = Buffer.from(
          this.out.buffer.subarray(this.start, Math.min(this.out.used, this.start + EXCERPT_BYTES)),
        );
        this.out.used = this.start;
      }
    } else {
      this.extendExcerpt(position);
    }
    this.runFrom = position;
  }

  /** The chunk so far, undefined when it is empty. A value that was not closed is left out and forgotten. */
  take(): BuiltChunk | undefined {
    const { out } = this;
    if (this.values.count + this.bad.length === 0) return undefined;
    const copied = this.start - out.used;
    if (copied > 0) this.copyRun(this.runFrom + copied);
    out.used = this.start;
    const { offsets, numbers, ...places } = this.values.take();
    const { bytes, takeBack } = out.detach();
    const chunk: BuiltChunk = {
      json: { bytes, ...places },
      bad: this.bad,
      offsets,
      numbers,
      end: { offset: this.startOffset, number: this.number },
      takeBack,
    };
    this.bad = [];
    this.fixed = 0;
    this.start = 0;
    return isUtf8(chunk.json.bytes) ? chunk : withoutBrokenText(chunk);
  }

  /** Leaves out white space before a valid element that begins in the block, so that its bytes need no moving. */
  private skipSpace(): void {
    const from = this.runFrom + this.start - this.out.used;
    if (this.start < this.out.used || isInk(this.block[from])) return;
    this.copyRun(from);
    let ink = from + 1;
    while (ink < this.block.length && !isInk(this.block[ink])) ink++;
    this.runFrom = ink;
    this.findBreaks(ink);
  }

  private findBreaks(from: number): void {
    if (this.nextFeed < from) this.nextFeed = indexOrInfinity(this.block, NEWLINE, from);
    if (this.nextReturn < from) this.nextReturn = indexOrInfinity(this.block, RETURN, from);
  }

  /** A chunk's bytes are counted from its first value on. */
  private beginChunk(): void {
    if (this.values.count + this.bad.length === 0) this.chunkOffset = this.startOffset;
  }

  private closed(next: number): boolean {
    this.startOffset = this.blockOffset + next;
    this.hasBreaks = false;
    this.findBreaks(next);
    this.number++;
    const values = this.values.count + this.bad.length;
    return values >= this.batchSize || (values > 0 && this.startOffset - this.chunkOffset >= this.batchBytes);
  }

  /** Ends a value that lies in the buffer from `start` on, but for outer white space, line breaks and mistakes. */
  private closeCopied(verdict: number, length: number): void {
    const { start, out } = this;
    const { buffer } = out;
    if (this.excerpt !== undefined || length > this.maxBytes) {
      const text = this.excerpt ?? buffer.subarray(start, out.used);
      this.reject(text, length, `is ${length} bytes long, more than the ${this.maxBytes} allowed`);
      this.excerpt = undefined;
      return;
    }
    let from = start;
    let to = out.used;
    while (from < to && !isInk(buffer[from])) from++;
    while (to > from && !isInk(buffer[to - 1])) to--;
    if (from === to && this.ofLines) {
      out.used = start;
      return;
    }
    if (verdict !== verdicts.valid) {
      const value = buffer.subarray(from, to);
      const reason = verdict === verdicts.unsure && isAccepted(value) ? undefined : explainJson(value)?.reason;
      if (reason !== undefined) return this.reject(buffer.subarray(start, out.used), length, reason);
    }
    if (from > start) buffer.copyWithin(start, from, to);
    let end = start + to - from;
    if (!this.ofLines) end = stripLineBreaks(buffer, start, end);
    out.used = end;
    out.reserve(1);
    out.buffer[end] = NEWLINE;
    out.used = end + 1;
    this.values.add(start, end, this.startOffset, this.number);
  }

  private reject(bytes: Buffer, length: number, reason: string): void {
    const text = bytes.toString('utf8', 0, EXCERPT_BYTES);
    this.bad.push({ index: this.values.count, number: this.number, offset: this.startOffset, length, reason, text });
    this.out.used = this.start;
  }

  private extendExcerpt(position: number): void {
    const missing = EXCERPT_BYTES - (this.excerpt?.length ?? EXCERPT_BYTES);
    if (missing <= 0 || this.excerpt === undefined) return;
    const more = this.block.subarray(this.runFrom, Math.min(position, this.runFrom + missing));
    this.excerpt = Buffer.concat([this.excerpt, more]);
  }

  private copyRun(to: number): void {
    const from = this.runFrom;
    if (to > from) {
      this.out.append(this.block, from, to);
      this.runFrom = to;
    }
    if (this.ofLines) return;
    // Elements end at a comma or bracket in the input, lines at a line feed.
    const { out, values } = this;
    for (; this.fixed < values.count; this.fixed++) {
      const end = values.ends[this.fixed] ?? 0;
      if (end >= out.used) break;
      out.buffer[end] = NEWLINE;
    }
  }
}

/** Anything but JSON white space. */
function isInk(c: number | undefined): boolean {
  return c !== undefined && c !== 0x20 && c !== NEWLINE && c !== RETURN && c !== 0x09;
}

function isAccepted(value: Buffer): boolean {
  try {
    JSON.parse(value.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

function indexOrInfinity(block: Uint8Array, byte: number, from: number): number {
  const index = block.indexOf(byte, from);
  return index < 0 ? Infinity : index;
}
