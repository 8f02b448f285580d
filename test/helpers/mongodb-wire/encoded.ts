import type { BSON } from 'mongodb';

import { cursorReplyAround } from './messages.ts';
import { CommandError } from './store.ts';
import type { Override } from './server.ts';

const mostBytes = 16_000_000;

/**
 * One collection in the order of `_id` (ObjectIds), encoded beforehand as the elements of an array, so that the server's
 * work for a reply is to copy a run of bytes: what is measured against it is the client.
 *
 * It answers `find` by `{}` or `{ _id: { $gt } }`, and `getMore`. A type range finds nothing, as all are ObjectIds.
 */
export class EncodedCollection {
  readonly #ns: string;
  readonly #bytes: Buffer;
  /** Where element i begins; one more than there are elements. */
  readonly #starts: Float64Array;
  readonly #places = new Map<string, number>();
  readonly #cursors = new Map<bigint, number>();
  #lastCursor = 0n;

  constructor(ns: string, documents: Iterable<{ readonly id: BSON.ObjectId; readonly bytes: Uint8Array }>) {
    this.#ns = ns;
    const parts: Uint8Array[] = [];
    const starts = [0];
    let size = 0;
    for (const { id, bytes } of documents) {
      // Names of an array's elements are numbers; clients go by the order, and these rise.
      const name = Buffer.from(`\x03${starts.length - 1}\0`);
      parts.push(name, bytes);
      size += name.length + bytes.length;
      this.#places.set(id.toHexString(), starts.length);
      starts.push(size);
    }
    this.#bytes = Buffer.concat(parts);
    this.#starts = Float64Array.from(starts);
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  readonly answer: Override = ({ name, db, body }) => {
    if (name === 'getMore') return this.#more(BigInt(String(body['getMore'])), Number(body['batchSize'] ?? 0));
    if (name !== 'find' || `${db}.${String(body['find'])}` !== this.#ns) return undefined;
    const {
      filter = {},
      limit = 0,
      batchSize = 101,
    } = body as { filter?: BSON.Document; limit?: number; batchSize?: number };
    const range = filter['_id'] as { $gt?: BSON.ObjectId; $type?: unknown } | undefined;
    if (range?.$type !== undefined) return cursorReplyAround('firstBatch', Buffer.alloc(0), 0n, this.#ns);
    const from = range?.$gt === undefined ? 0 : this.#places.get(range.$gt.toHexString());
    if (from === undefined) throw new CommandError(2, 'BadValue', 'only an _id of this collection');
    const most = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    const to = this.#upTo(from, Math.min(batchSize, most));
    // A reply that is full before its limit is not the last one.
    return this.#reply('firstBatch', from, to, to - from < most && to < this.count ? (this.#lastCursor += 1n) : 0n);
  };

  #more(id: bigint, batchSize: number): Uint8Array {
    const from = this.#cursors.get(id) ?? this.count;
    const to = this.#upTo(from, batchSize === 0 ? Number.POSITIVE_INFINITY : batchSize);
    return this.#reply('nextBatch', from, to, to < this.count ? id : 0n);
  }

  #reply(batch: 'firstBatch' | 'nextBatch', from: number, to: number, id: bigint): Uint8Array {
    if (id !== 0n) this.#cursors.set(id, to);
    return cursorReplyAround(batch, this.#bytes.subarray(this.#starts[from], this.#starts[to]), id, this.#ns);
  }

  /** Where a reply ends that holds so many documents at most, and 16 MB. */
  #upTo(from: number, documents: number): number {
    const end = (this.#starts[from] ?? 0) + mostBytes;
    let to = Math.min(this.count, from + documents);
    while (to > from + 1 && (this.#starts[to] ?? 0) > end) to -= 1;
    return to;
  }
}
