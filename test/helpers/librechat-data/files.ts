import type { Document } from 'bson';
import { STORAGE_KINDS, type StorageKind } from './storage-kinds.ts';
import type { Chat, GeneratedRecord, Owner, World } from './types.ts';

export interface FileOptions {
  readonly owner: Owner;
  readonly kind: StorageKind;
  readonly timeMs: number;
  readonly conversationId?: string;
  readonly messageId?: string;
  readonly fileId?: string;
  /** Fields that overrule the kind's. */
  readonly set?: Document;
  /** Leaves the bytes out, or replaces them. */
  readonly bytes?: 'none' | Uint8Array;
}

export interface GeneratedFile {
  readonly document: Document;
  /** As `messages.files` keeps it. */
  readonly entry: Document;
  readonly records: readonly GeneratedRecord[];
  /** Where the bytes were put, when they were. */
  readonly path: string | undefined;
}

const BASES = ['report', 'photo', 'notes-2026', 'Screenshot_1', 'resume', 'quarter_3', 'plan'] as const;

/** Makes one file document of a storage kind, with its bytes when that kind keeps them on disk. */
export function makeFile(world: World, options: FileOptions): GeneratedFile {
  const { owner, kind, timeMs, set = {} } = options;
  const fileId = options.fileId ?? (kind === 'openai' ? `file-${world.random.letters(22)}` : world.random.uuid());
  const stored = STORAGE_KINDS[kind](world, { owner, fileId, base: world.random.pick(BASES), timeMs });
  const document = inStoredOrder({
    _id: world.objectId(timeMs),
    file_id: fileId,
    __v: 0,
    user: owner.id,
    object: 'file',
    embedded: false,
    context: 'message_attachment',
    usage: 1,
    createdAt: new Date(timeMs),
    updatedAt: new Date(timeMs),
    ...(world.random.chance(0.3) ? { temp_file_id: world.random.uuid() } : {}),
    ...(options.conversationId === undefined ? {} : { conversationId: options.conversationId }),
    ...(options.messageId === undefined ? {} : { messageId: options.messageId }),
    ...stored.fields,
    ...set,
  });
  const records: GeneratedRecord[] = [{ collection: 'files', document }];
  const binary =
    stored.binary && options.bytes instanceof Uint8Array ? { ...stored.binary, bytes: options.bytes } : stored.binary;
  const hasBytes = binary !== undefined && options.bytes !== 'none';
  if (hasBytes) records.push(binary);
  return { document, entry: fileEntry(world, document), records, path: hasBytes ? binary.path : undefined };
}

/** Attaches files to a message when it is written. */
export function attachFiles(
  world: World,
  chat: Chat,
  kinds: readonly StorageKind[],
  timeMs: number,
  messageId: string,
) {
  const files = kinds.map((kind) =>
    makeFile(world, {
      owner: chat.owner,
      kind,
      timeMs: timeMs - 500,
      ...(world.random.chance(0.4) ? { conversationId: chat.conversationId, messageId } : {}),
    }),
  );
  chat.fileIds.push(...files.map((file) => file.document.file_id as string));
  return { set: { files: files.map((file) => file.entry) }, records: files.flatMap((file) => file.records) };
}

/** Storage kinds for a message's files: 60 % images, 80 % local. */
export function randomKinds(world: World): StorageKind[] {
  const { random } = world;
  const count = random.chance(0.75) ? 1 : random.pick([2, 2, 2, 3, 3, 8]);
  return Array.from({ length: count }, () => {
    if (!random.chance(0.8))
      return random.pick([
        's3',
        's3-storage-key',
        'azure_blob',
        'cloudfront',
        'firebase',
        'openai',
        'text',
        'vectordb',
      ] as const);
    return random.chance(0.6)
      ? random.pick(['local-image', 'local-image', 'local-image-legacy'] as const)
      : random.pick(['local-pdf', 'local-text'] as const);
  });
}

/** Older snapshots hold five or seven fields, newer ones the whole document but for `_id`, `__v` and `text`. */
function fileEntry(world: World, document: Document): Document {
  const { _id, __v, text, ...rest } = document;
  const pickFields = (names: readonly string[]): Document =>
    Object.fromEntries(names.filter((name) => name in rest).map((name) => [name, rest[name]]));
  const dice = world.random.next();
  if (dice < 0.25) return pickFields(['file_id', 'filepath', 'type', 'height', 'width']);
  if (dice < 0.5) return pickFields(['file_id', 'filepath', 'type', 'filename', 'embedded', 'height', 'width']);
  return dice < 0.75 ? rest : { ...rest, user: String(rest.user) };
}

/** `findOneAndUpdate` with upsert: the filter's fields, then the set ones by name. */
function inStoredOrder({ _id, file_id, __v, ...rest }: Document): Document {
  return { _id, file_id, __v, ...Object.fromEntries(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))) };
}
