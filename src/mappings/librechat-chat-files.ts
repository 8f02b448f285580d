import type { Json } from '../json.ts';
import { documentOf, idText, listOf, type Document } from '../models/extended-json.ts';
import type { LibrechatFileRef } from '../models/librechat-chat.ts';
import { FileList } from './librechat-file-list.ts';
import { librechatToFile } from './librechat-files.ts';
import { withoutSecrets } from './librechat-secrets.ts';

/** The files of a chat as a bundle wants them. */
export interface ChatFiles {
  readonly refs: readonly LibrechatFileRef[];
  /** Ids that messages and the conversation name, in the order they are first named. */
  readonly fileIds: readonly string[];
  /** Of these, those without a document. */
  readonly missingIds: readonly string[];
  readonly repairs: readonly { readonly kind: string }[];
}

/**
 * Finds the files of a chat: by the documents there are, and for those without one by what a message says of it.
 *
 * All documents with a file's id come, as `file_id` is not unique: first the one that counts (see `FileList`).
 */
export function librechatChatFiles(
  {
    files,
    messages,
    named,
    ownerId,
  }: {
    readonly files: readonly Document[];
    readonly messages: readonly Document[];
    /** What the conversation itself names. */
    readonly named: readonly string[];
    readonly ownerId: string;
  },
  textOf: (document: Document) => Buffer,
): ChatFiles {
  if (files.length === 0 && named.length === 0 && !messages.some(mayNameFile)) return noFiles;
  const list = new FileList(files, ownerId, (value) => value);
  const snapshots = new Map<string, Document>();
  for (const message of messages) {
    for (const snapshot of snapshotsOf(message)) {
      const id = idText(snapshot['file_id']);
      if (id === undefined) continue;
      list.refer(id, snapshot);
      if (!snapshots.has(id)) snapshots.set(id, snapshot);
    }
  }
  const records = list.finish(named);
  const refs: LibrechatFileRef[] = [];
  const missingIds: string[] = [];
  const others = new Map<string, Document[]>();
  for (const document of files) {
    const id = idText(document['file_id']) ?? '';
    others.set(id, [...(others.get(id) ?? []), document]);
  }
  for (const { id } of records) {
    const documents = others.get(id);
    if (documents === undefined) {
      missingIds.push(id);
      refs.push(snapshotRef(id, snapshots.get(id), ownerId));
      continue;
    }
    const first = list.chosen(id);
    const ordered =
      documents.length === 1 ? documents : documents.toSorted((a, b) => Number(b === first) - Number(a === first));
    for (const document of ordered) refs.push(documentRef(id, document, ownerId, textOf(document)));
  }
  return { refs, fileIds: records.map(({ id }) => id), missingIds, repairs: list.repairs };
}

const noFiles: ChatFiles = { refs: [], fileIds: [], missingIds: [], repairs: [] };

function mayNameFile({ content, files, attachments }: Document): boolean {
  return [content, files, attachments].some((list) => Array.isArray(list) && list.length > 0);
}

/** A file's document as a bundle wants it; `text` is the document's own, without secrets. */
export function documentRef(id: string, document: Document, ownerId: string, text: Buffer): LibrechatFileRef {
  const { name, storage, paths, unavailable } = librechatToFile(id, document, ownerId);
  return {
    key: idText(document['_id']) ?? id,
    fileId: id,
    name: name ?? null,
    storage: storage ?? null,
    paths: paths ?? [],
    unavailable,
    ...linkOf(storage, document['filepath']),
    metadata: text,
  };
}

/** Kinds of storage whose paths are links. */
const linked = new Set(['s3', 'cloudfront', 'azure_blob', 'firebase']);

/** The link to a file by its kind of storage, where it has one. */
export function linkOf(
  storage: string | undefined,
  filepath: Json | undefined,
): Pick<LibrechatFileRef, 'link'> | undefined {
  const isLink = linked.has(storage ?? '') && typeof filepath === 'string' && /^https?:\/\//.test(filepath);
  return isLink ? { link: () => filepath } : undefined;
}

function snapshotRef(id: string, snapshot: Document | undefined, ownerId: string): LibrechatFileRef {
  const clean = withoutSecrets((snapshot ?? { file_id: id }) as Json, () => undefined);
  const ref = documentRef(id, snapshot ?? { file_id: id }, ownerId, Buffer.from(JSON.stringify(clean)));
  return { ...ref, key: id, ...(snapshot === undefined && { unavailable: 'missing' }) };
}

/** Snapshots of file documents that a message carries: in its content, its uploads, its attachments. */
function snapshotsOf(message: Document): Document[] {
  const entries: (Json | undefined)[] = [
    ...(listOf(message['content']) ?? []).map((part) => documentOf(part)?.['image_file']),
    ...(listOf(message['files']) ?? []),
    ...(listOf(message['attachments']) ?? []).filter((entry) => !isSearch(documentOf(entry))),
  ];
  return entries
    .map((entry) => documentOf(entry))
    .filter((entry) => entry !== undefined && 'file_id' in entry) as Document[];
}

function isSearch(attachment: Document | undefined): boolean {
  return attachment?.['type'] === 'web_search' || attachment?.['type'] === 'file_search';
}
