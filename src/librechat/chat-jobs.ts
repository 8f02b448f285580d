import type { Document } from '../models/extended-json.ts';
import type { LibrechatChatRecord, LibrechatFileRef } from '../models/librechat-chat.ts';
import type { ChatChoice, ChatRecords } from './chat-records.ts';
import type { JoinedChats } from './joined.ts';

/** Groups of documents on their way to another thread: all texts in one buffer. */
export interface ChatJob {
  readonly choice: ChatChoice;
  readonly groups: readonly PackedGroup[];
  /** Lengths of all texts, group after group. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Memory for what is made of them. */
  readonly room: ArrayBuffer;
}

interface PackedGroup {
  readonly userId: string;
  readonly conversationId: string | null;
  readonly user: Document | null;
  /** How many texts are conversations, messages and files, in this order. */
  readonly counts: readonly [number, number, number];
}

/** A function cannot travel: the link goes as what it gives. */
type PackedFile = Omit<LibrechatFileRef, 'metadata' | 'link'> & { readonly address?: string };
type PackedRecord = Omit<LibrechatChatRecord, 'line' | 'files' | 'toJSON' | 'type'> & {
  readonly files: readonly PackedFile[];
};

/** The records on their way back, group after group: lines, and files' metadata behind each, in one buffer. */
export interface ChatJobResult {
  readonly groups: readonly { readonly records: readonly PackedRecord[]; readonly filtered: number }[];
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Memory of the job that nobody looks at any more. */
  readonly free: readonly ArrayBuffer[];
}

/** `memoryOf` gives memory of at least so many bytes. */
export function packJob(
  groups: readonly JoinedChats[],
  choice: ChatChoice,
  memoryOf: (bytes: number) => ArrayBuffer = newMemory,
): ChatJob {
  const { since, includeArchived, includeTemporary } = choice;
  const texts = new Texts();
  const packedGroups: PackedGroup[] = [];
  for (const { userId, conversationId, user, conversations, messages, files } of groups) {
    for (const some of [conversations, messages, files]) for (const text of some) texts.add(text);
    const counts = [conversations.length, messages.length, files.length] as const;
    packedGroups.push({ userId, conversationId, user, counts });
  }
  return {
    choice: { since, includeArchived, includeTemporary },
    groups: packedGroups,
    ...texts.packed(memoryOf(texts.size)),
    // A chat's line is longer than its documents.
    room: memoryOf(texts.size + (texts.size >>> 2) + 16_384),
  };
}

/** The groups of a job; keys stay where the job came from. */
export function unpackJob({ groups, lengths, bytes }: ChatJob): Omit<JoinedChats, 'key' | 'bytes'>[] {
  const texts = new PackedTexts(lengths, bytes);
  const unpacked: Omit<JoinedChats, 'key' | 'bytes'>[] = [];
  for (const { userId, conversationId, user, counts } of groups) {
    const [conversations, messages, files] = [texts.take(counts[0]), texts.take(counts[1]), texts.take(counts[2])];
    unpacked.push({ kind: 'chats', userId, conversationId, user, conversations, messages, files });
  }
  return unpacked;
}

/** What was made of a job goes back in the room that came with it, or, when that is too small, in memory of its own. */
export function packResult(made: readonly ChatRecords<LibrechatChatRecord>[], { bytes, room }: ChatJob): ChatJobResult {
  const texts = new Texts();
  const groups: ChatJobResult['groups'][number][] = [];
  for (const { records, filtered } of made) {
    const packedRecords: PackedRecord[] = [];
    for (const record of records) packedRecords.push(packedRecord(record, texts));
    groups.push({ records: packedRecords, filtered });
  }
  const isRoom = texts.size <= room.byteLength;
  const packed = texts.packed(isRoom ? room : newMemory(texts.size));
  return { groups, ...packed, free: isRoom ? [bytes.buffer] : [bytes.buffer, room] };
}

function packedRecord(record: LibrechatChatRecord, texts: Texts): PackedRecord {
  const { user, key, conversationId, updatedAt, line, files, counts, digest } = record;
  texts.addPieces(line);
  const packedFiles: PackedFile[] = [];
  for (const { metadata, link, ...file } of files) {
    texts.add(metadata);
    packedFiles.push(link === undefined ? file : { ...file, address: link() });
  }
  return { user, key, conversationId, updatedAt, files: packedFiles, counts, digest };
}

export function unpackResult({ groups, lengths, bytes }: ChatJobResult): ChatRecords<LibrechatChatRecord>[] {
  const texts = new PackedTexts(lengths, bytes);
  const unpacked: ChatRecords<LibrechatChatRecord>[] = [];
  for (const { records: some, filtered } of groups) {
    const records: LibrechatChatRecord[] = [];
    for (const record of some) records.push(unpackedRecord(record, texts));
    unpacked.push({ records, filtered });
  }
  return unpacked;
}

function unpackedRecord(packed: PackedRecord, texts: PackedTexts): LibrechatChatRecord {
  const { user, key, conversationId, updatedAt, files: packedFiles, counts, digest } = packed;
  const line = texts.take(1);
  const files: LibrechatFileRef[] = [];
  for (const { address, ...file } of packedFiles) {
    const link = address === undefined ? undefined : { link: () => address };
    // It waits for its file: as a view it would keep the memory of the whole result meanwhile.
    files.push({ ...file, ...link, metadata: Buffer.from(texts.next()) });
  }
  const toJSON = (): unknown => JSON.parse(Buffer.concat(line).toString()) as unknown;
  return { type: 'chat', user, key, conversationId, updatedAt, line, files, counts, digest, toJSON };
}

function newMemory(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer;
}

/** Texts to be put into one buffer, some of them in pieces. */
class Texts {
  size = 0;
  readonly #pieces: Uint8Array[] = [];
  readonly #lengths: number[] = [];

  add(text: Uint8Array): void {
    this.#pieces.push(text);
    this.#lengths.push(text.length);
    this.size += text.length;
  }

  /** One text, in its pieces. */
  addPieces(pieces: readonly Uint8Array[]): void {
    let length = 0;
    for (const piece of pieces) {
      this.#pieces.push(piece);
      length += piece.length;
    }
    this.#lengths.push(length);
    this.size += length;
  }

  packed(memory: ArrayBuffer): Pick<ChatJob, 'lengths' | 'bytes'> {
    const bytes = new Uint8Array(memory, 0, this.size);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return { lengths: new Uint32Array(this.#lengths), bytes };
  }
}

/** Gives the texts of a buffer one after the other. */
class PackedTexts {
  readonly #lengths: Uint32Array;
  readonly #bytes: Buffer;
  #place = 0;
  #at = 0;

  constructor(lengths: Uint32Array, { buffer, byteOffset, byteLength }: Uint8Array) {
    this.#lengths = lengths;
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
  }

  next(): Buffer {
    const start = this.#at;
    this.#at += this.#lengths[this.#place++] ?? 0;
    return this.#bytes.subarray(start, this.#at);
  }

  take(count: number): Buffer[] {
    const some: Buffer[] = [];
    for (let i = 0; i < count; i++) some.push(this.next());
    return some;
  }
}
