import { closeSync } from 'node:fs';

import { OnyxApi } from '../../connections/onyx-api.ts';
import { onyxUploadRecord, type OnyxUploadRecord } from '../../connections/onyx-upload-record.ts';
import { uploadFiles, type UploadableFile, type UploadResult } from '../../connections/onyx-uploads.ts';
import { closePostgres, openPostgres, type PostgresClient } from '../../connections/postgres.ts';
import { hashDescriptor } from '../../files/hash-file.ts';
import { RootedFiles } from '../../files/resolve-in-roots.ts';
import type { OnyxFile } from '../../models/onyx.ts';
import type { StageContext } from '../../stage.ts';
import type { OnyxDatabase } from './generation.ts';
import { mediaTypeOf } from './media-type.ts';
import type { PlacedChat } from './placed-chat.ts';
import { textFile } from './text-file.ts';
import { useSchema } from './use-schema.ts';

export interface ChatFilesOptions {
  readonly connectionString: string;
  readonly schema: string;
  readonly apiBase: string;
  readonly apiKey: string;
  readonly roots: readonly string[];
  readonly database: OnyxDatabase;
  readonly ctx: StageContext;
}

const patienceMs = 60_000;

/** What a message's `files` hold for one of them. */
interface Descriptor {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly user_file_id?: string;
}

/**
 * Brings the files of chats into Onyx: uploads each content once, gives each owner a `user_file` of it, and puts the
 * descriptors into the messages. A file that is not there or that Onyx does not take is counted and left out.
 *
 * All of this is done before the transaction that writes the chats: what it leaves behind when that fails is found again.
 */
export class ChatFiles {
  readonly #options: ChatFilesOptions;
  readonly #api: OnyxApi;
  readonly #record: OnyxUploadRecord;
  readonly #client: PostgresClient;
  readonly #files: RootedFiles;
  #last: Promise<unknown> = Promise.resolve();
  /** Whether Onyx reads files slower than they come: then nobody waits for it any more. */
  #isBehind = false;

  private constructor(options: ChatFilesOptions, api: OnyxApi, record: OnyxUploadRecord, client: PostgresClient) {
    this.#options = options;
    this.#api = api;
    this.#record = record;
    this.#client = client;
    this.#files = new RootedFiles(options.roots);
  }

  /** Whoever opens it closes it. A key or an address that does not work is found here, before anything is written. */
  static async open(options: ChatFilesOptions): Promise<ChatFiles> {
    const { connectionString, schema, apiBase, apiKey, ctx } = options;
    const api = await OnyxApi.open({ apiBase, apiKey, onRetry: (message) => ctx.warn(message) });
    let record: OnyxUploadRecord | undefined;
    let client: PostgresClient | undefined;
    try {
      await api.personas(ctx.signal);
      record = await onyxUploadRecord(connectionString, schema);
      client = await openPostgres(connectionString);
      await useSchema(client, schema);
      return new ChatFiles(options, api, record, client);
    } catch (error) {
      await Promise.all([api.close(), record?.close(), client === undefined ? undefined : closePostgres(client)]);
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#api.close(), this.#record.close(), closePostgres(this.#client)]);
  }

  /** The same chats with their files in Onyx; one load after the other, so that nothing is uploaded twice. */
  async bring(chats: readonly PlacedChat[]): Promise<readonly PlacedChat[]> {
    const next = this.#last.then(() => this.#bring(chats));
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #bring(chats: readonly PlacedChat[]): Promise<readonly PlacedChat[]> {
    const found = new Map<OnyxFile, UploadableFile>();
    for (const placed of chats) {
      for (const file of placed.chat.messages.flatMap(({ files }) => files)) {
        const uploadable = await this.#uploadable(placed, file);
        if (uploadable !== undefined) found.set(file, uploadable);
      }
    }
    if (found.size === 0) return chats;
    const uploaded = await this.#upload(found.values());
    const changed: PlacedChat[] = [];
    for (const placed of chats) changed.push(await this.#withFiles(placed, found, uploaded));
    return changed;
  }

  async #upload(files: Iterable<UploadableFile>): Promise<ReadonlyMap<string, UploadResult>> {
    const { ctx } = this.#options;
    const waitMs = this.#isBehind ? 0 : patienceMs;
    const uploaded = await uploadFiles(this.#api, files, { signal: ctx.signal, record: this.#record, waitMs });
    if (!this.#isBehind && [...uploaded.values()].some((result) => 'isReady' in result && !result.isReady)) {
      this.#isBehind = true;
      ctx.warn('Onyx has not read all files yet: the import goes on, and Onyx goes on reading');
    }
    return uploaded;
  }

  /** The bytes of a file, found below the folders, or its text. */
  async #uploadable({ record }: PlacedChat, file: OnyxFile): Promise<UploadableFile | undefined> {
    const { conversation, batch } = record;
    const { ctx } = this.#options;
    const type = file.mediaType ?? mediaTypeOf(file.name);
    const text = textFile(file);
    if (text !== undefined) return { ...text, type: 'text/plain' };
    const { paths = [], sha256: stated } = conversation.files.find(({ id }) => id === file.fileId) ?? {};
    let problem = 'missing';
    for (const path of paths) {
      const opened = await this.#files.open(path);
      if ('problem' in opened) {
        problem = opened.problem;
        continue;
      }
      try {
        const { sha256 } = await hashDescriptor(opened.descriptor, { signal: ctx.signal });
        if (stated !== undefined && stated !== sha256) {
          problem = 'not what its digest says';
          continue;
        }
        return { name: file.name, type, content: { path: opened.path }, sha256 };
      } finally {
        closeSync(opened.descriptor);
      }
    }
    ctx.finding(`left behind: file (${problem})`, 1, { batch });
    return undefined;
  }

  async #withFiles(
    placed: PlacedChat,
    found: ReadonlyMap<OnyxFile, UploadableFile>,
    uploaded: ReadonlyMap<string, UploadResult>,
  ): Promise<PlacedChat> {
    const { ctx } = this.#options;
    const descriptors = new Map<number, Descriptor[]>();
    for (const [place, { files }] of placed.chat.messages.entries()) {
      for (const file of files) {
        const content = found.get(file);
        const result = content === undefined ? undefined : uploaded.get(content.sha256);
        if (content === undefined || result === undefined) continue;
        if ('refused' in result) {
          ctx.finding('left behind: file (refused by Onyx)', 1, { batch: placed.record.batch });
          ctx.warn(`Onyx refused ${file.name}: ${result.refused}`);
          continue;
        }
        const userFile = await this.#userFile(placed.userId, content.name, result);
        const { fileId: id, type } = result;
        const list = descriptors.get(place) ?? [];
        list.push({ id, type, name: content.name, ...(userFile !== undefined && { user_file_id: userFile }) });
        descriptors.set(place, list);
      }
    }
    if (descriptors.size === 0) return placed;
    // A list of plain objects is JSON.
    return { ...placed, filesOf: (place) => (descriptors.get(place) as never) ?? placed.filesOf(place) };
  }

  /** The owner's own entry for a file: without it Onyx would have to search all messages for who may see the file. */
  async #userFile(
    userId: string,
    name: string,
    { fileId, userFileId }: { readonly fileId: string; readonly userFileId: string },
  ): Promise<string | undefined> {
    const { database, schema } = this.#options;
    if (!database.has('user_file', 'status')) return undefined;
    const { rows } = await this.#client.query<{ id: string }>(
      `select id from user_file where user_id = $1 and file_id = $2 order by id limit 1`,
      [userId, fileId],
    );
    if (rows[0] !== undefined) return rows[0].id;
    // SKIPPED: its text is there, and nothing has to be indexed again.
    const { rows: made } = await this.#client.query<{ id: string }>(
      `with made as (
         insert into user_file (user_id, file_id, name, file_type, content_type, token_count, status, created_at)
         select $1, file_id, left($4, 255), file_type, content_type, token_count, 'SKIPPED', now() at time zone 'utc'
           from user_file where id = $3 and file_id = $2 returning id)
       insert into etl.onyx_user_file (schema, user_id, file_id, user_file_id) select $5, $1, $2, id from made
       on conflict (schema, user_id, file_id) do update set user_file_id = excluded.user_file_id returning user_file_id as id`,
      [userId, fileId, userFileId, name.toWellFormed().replaceAll('\0', ''), schema],
    );
    return made[0]?.id;
  }
}
