import { hash } from 'node:crypto';
import { closeSync } from 'node:fs';

import type { OnyxApi } from '../../connections/onyx-api.ts';
import {
  uploadFiles,
  type UploadableFile,
  type UploadRecord,
  type UploadResult,
} from '../../connections/onyx-uploads.ts';
import { hashDescriptor } from '../../files/hash-file.ts';
import { RootedFiles } from '../../files/resolve-in-roots.ts';
import { LruCache } from '../../lru-cache.ts';
import type { Conversation, FileRecord } from '../../models/conversation.ts';
import type { StageContext } from '../../stage.ts';
import { mediaTypeOf } from './media-type.ts';

export interface ChatFilesOptions {
  readonly client: OnyxApi;
  readonly record?: UploadRecord | undefined;
  /** Folders that the paths of files are relative to: that of the bundle. Nothing outside them is opened. */
  readonly roots: readonly string[];
  /** Uploads at once. */
  readonly concurrency?: number | undefined;
  /** How long to wait until Onyx has read the files of a batch, in milliseconds. */
  readonly waitMs?: number | undefined;
  readonly ctx: Pick<StageContext, 'signal' | 'warn'>;
}

const remembered = 50_000;

/** Brings the files of chats into Onyx before the chats themselves: each content once. */
export class ChatFiles {
  readonly #options: ChatFilesOptions;
  readonly #folders: RootedFiles;
  readonly #known = new LruCache<string, UploadResult>(remembered);

  constructor(options: ChatFilesOptions) {
    this.#options = options;
    this.#folders = new RootedFiles(options.roots);
  }

  /**
   * Uploads what there is of these conversations' files: their bytes, or where only the text is left, a text file.
   *
   * The result has each file of which there is something, `refused` with a reason when it is not in Onyx now: Onyx does not
   * take it, it is not where it should be, or it is not what its digest says.
   *
   * @throws {EtlError} when Onyx does not answer or refuses the key.
   */
  async upload(conversations: readonly Conversation[]): Promise<ReadonlyMap<FileRecord, UploadResult>> {
    const { client, record, concurrency, waitMs, ctx } = this.#options;
    const results = new Map<FileRecord, UploadResult>();
    const digests = new Map<FileRecord, string>();
    const missing = new Map<string, UploadableFile>();
    for (const file of conversations.flatMap(({ files }) => files)) {
      const found = await this.#find(file, ctx.signal);
      if (found === undefined) continue;
      if ('refused' in found) {
        results.set(file, found);
        continue;
      }
      digests.set(file, found.sha256);
      if (this.#known.get(found.sha256) === undefined) missing.set(found.sha256, found);
    }
    const { signal } = ctx;
    const uploaded = await uploadFiles(client, missing.values(), { signal, record, concurrency, waitMs });
    for (const [sha256, result] of uploaded) this.#known.set(sha256, result);
    if ([...uploaded.values()].some((result) => 'isReady' in result && !result.isReady))
      ctx.warn('Onyx is still reading files that were uploaded: chats show them, and it answers about them later');
    for (const [file, sha256] of digests) {
      const result = uploaded.get(sha256) ?? this.#known.get(sha256);
      if (result !== undefined) results.set(file, result);
    }
    return results;
  }

  async #find(
    { name = 'file', mediaType, sha256: stated, paths = [], text }: FileRecord,
    signal: AbortSignal,
  ): Promise<UploadableFile | { readonly refused: string } | undefined> {
    let problem: string | undefined;
    for (const path of paths) {
      signal.throwIfAborted();
      const opened = await this.#folders.open(path);
      if ('problem' in opened) {
        problem ??= opened.problem;
        continue;
      }
      try {
        const { sha256 } = await hashDescriptor(opened.descriptor, { signal });
        if (stated !== undefined && stated !== sha256) return { refused: 'its content is not what its digest says' };
        return { sha256, name, type: mediaType ?? mediaTypeOf(name), content: { path: opened.path } };
      } finally {
        closeSync(opened.descriptor);
      }
    }
    if (text === undefined || text === '') return problem === undefined ? undefined : { refused: problem };
    const content = Buffer.from(text);
    // Its bytes are those of the text, whatever the file was.
    const textName = /\.(txt|md)$/i.test(name) ? name : `${name}.txt`;
    return { sha256: hash('sha256', content), name: textName, type: 'text/plain', content };
  }
}
