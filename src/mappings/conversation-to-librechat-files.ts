import type { Json } from '../json.ts';
import type { Conversation, FileRecord } from '../models/conversation.ts';
import { dateOf, objectId } from './conversation-to-librechat-ids.ts';
import type { Loss } from './loss.ts';

type Fields = { readonly [name: string]: Json };

/** What of a file stands in its document, and in a message's snapshot of it. */
export function fileFields(file: FileRecord): Fields {
  const { id, name, mediaType, bytes, url, paths, storage, width, height, createdAt, text, extra } = file;
  const date = dateOf(createdAt);
  const path = url ?? paths?.[0];
  return {
    file_id: id,
    ...(bytes !== undefined && { bytes }),
    ...(name !== undefined && { filename: name }),
    ...(path !== undefined && { filepath: path }),
    ...(mediaType !== undefined && { type: mediaType }),
    ...(storage !== undefined && { source: storage }),
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(text !== undefined && { text }),
    ...(date !== undefined && { createdAt: date }),
    ...extra,
  };
}

/** Whether the source had a document of the file, and not only its id or what a message says of it. */
export function hasDocument(file: FileRecord): boolean {
  if (file.fromMessage === true) return false;
  return file.unavailable !== 'missing' || Object.keys(file).some((name) => name !== 'id' && name !== 'unavailable');
}

/** The documents of a conversation's files. */
export function fileDocuments({ files, owner, createdAt, source }: Conversation, losses: Loss[]): Fields[] {
  const documents: Fields[] = [];
  for (const file of files) {
    if (file.sha256 !== undefined) losses.push({ kind: 'field', detail: 'files.sha256' });
    if (!hasDocument(file)) continue;
    const time = file.createdAt ?? createdAt;
    documents.push({
      _id: objectId(undefined, { time, name: `${source.system} ${owner.id} ${file.id}` }),
      user: objectId(owner.id, { time: null, name: owner.id }),
      object: 'file',
      ...fileFields(file),
    });
  }
  return documents;
}
