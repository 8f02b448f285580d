import type { Document } from '../models/extended-json.ts';
import type { LibrechatChatRecord, LibrechatFileRef } from '../models/librechat-chat.ts';
import type { ChatChoice, ChatRecords } from './chat-records.ts';
import type { JoinedChats } from './joined.ts';

/** Groups of documents on their way to another thread: all texts in one buffer. */
export interface ChatJob {
  readonly choice: ChatChoice;
  readonly groups: readonly {
    readonly userId: string;
    readonly conversationId: string | null;
    readonly user: Document | null;
    /** How many texts are conversations, messages and files, in this order. */
    readonly counts: readonly [number, number, number];
  }[];
  /** Lengths of all texts, group after group. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A function cannot travel: the link goes as what it gives. */
type PackedFile = Omit<LibrechatFileRef, 'metadata' | 'link'> & { readonly address?: string };
type PackedRecord = Omit<LibrechatChatRecord, 'line' | 'files' | 'toJSON' | 'type'> & {
  /** Of how many texts the line is. */
  readonly pieces: number;
  readonly files: readonly PackedFile[];
};

/** The records on their way back, group after group: lines, and files' metadata behind each, in one buffer. */
export interface ChatJobResult {
  readonly groups: readonly { readonly records: readonly PackedRecord[]; readonly filtered: number }[];
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function packJob(groups: readonly JoinedChats[], choice: ChatChoice): ChatJob {
  const { since, includeArchived, includeTemporary } = choice;
  const texts = groups.flatMap(({ conversations, messages, files }) => [...conversations, ...messages, ...files]);
  return {
    choice: { since, includeArchived, includeTemporary },
    groups: groups.map(({ userId, conversationId, user, conversations, messages, files }) => ({
      userId,
      conversationId,
      user,
      counts: [conversations.length, messages.length, files.length],
    })),
    ...packed(texts, newMemory(texts)),
  };
}

/** The groups of a job; keys stay where the job came from. */
export function unpackJob({ groups, lengths, bytes }: ChatJob): Omit<JoinedChats, 'key' | 'bytes'>[] {
  const take = taker(lengths, bytes);
  return groups.map(({ userId, conversationId, user, counts: [conversations, messages, files] }) => ({
    kind: 'chats',
    userId,
    conversationId,
    user,
    conversations: Array.from({ length: conversations }, take),
    messages: Array.from({ length: messages }, take),
    files: Array.from({ length: files }, take),
  }));
}

/** `memory`: of the job that this is the result of. It is used again, as nothing of the job is needed any more. */
export function packResult(
  made: readonly ChatRecords<LibrechatChatRecord>[],
  memory: ArrayBuffer = new ArrayBuffer(0),
): ChatJobResult {
  const texts: Uint8Array[] = [];
  const groups = made.map(({ records, filtered }) => ({
    filtered,
    records: records.map(({ line, files, toJSON: _, type: __, ...rest }): PackedRecord => {
      texts.push(...line);
      for (const { metadata } of files) texts.push(metadata);
      const packedFiles = files.map(({ metadata: ___, link, ...file }) =>
        link === undefined ? file : { ...file, address: link() },
      );
      return { ...rest, pieces: line.length, files: packedFiles };
    }),
  }));
  const isRoom = sizeOf(texts) <= memory.byteLength;
  // What is still in the job's memory is not written over before it is read.
  const own = isRoom ? texts.map((text) => (text.buffer === memory ? Buffer.from(text) : text)) : texts;
  return { groups, ...packed(own, isRoom ? memory : newMemory(texts)) };
}

export function unpackResult({ groups, lengths, bytes }: ChatJobResult): ChatRecords<LibrechatChatRecord>[] {
  const take = taker(lengths, bytes);
  return groups.map(({ records, filtered }) => ({
    filtered,
    records: records.map(({ pieces, files: packedFiles, ...record }): LibrechatChatRecord => {
      const line = Array.from({ length: pieces }, take);
      const files = packedFiles.map(({ address, ...file }) => ({
        ...file,
        ...(address !== undefined && { link: () => address }),
        // It waits for its file: as a view it would keep the memory of the whole result meanwhile.
        metadata: Buffer.from(take()),
      }));
      return {
        ...record,
        type: 'chat',
        line,
        files,
        toJSON: () => JSON.parse(Buffer.concat(line).toString()) as unknown,
      };
    }),
  }));
}

/**
 * Memory for texts, with room for what is made of them: a chat's line is longer than its documents. Memory of a thread's own
 * for each result would be kept for that thread by the allocator.
 */
function newMemory(texts: readonly Uint8Array[]): ArrayBuffer {
  const size = sizeOf(texts);
  return Buffer.allocUnsafeSlow(size + (size >>> 2) + 16_384).buffer;
}

function sizeOf(texts: readonly Uint8Array[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

function packed(texts: readonly Uint8Array[], memory: ArrayBuffer): Pick<ChatJob, 'lengths' | 'bytes'> {
  const lengths = Uint32Array.from(texts, ({ length }) => length);
  const bytes = new Uint8Array(memory, 0, sizeOf(texts));
  let at = 0;
  for (const text of texts) {
    bytes.set(text, at);
    at += text.length;
  }
  return { lengths, bytes };
}

/** Gives the texts of a buffer one after the other. */
function taker(lengths: Uint32Array, { buffer, byteOffset, byteLength }: Uint8Array): () => Buffer {
  const all = Buffer.from(buffer, byteOffset, byteLength);
  let place = 0;
  let at = 0;
  return () => {
    const start = at;
    at += lengths[place++] ?? 0;
    return all.subarray(start, at);
  };
}
