import { BSON, EJSON } from 'bson';

import { gatherBsonDocuments } from '../../src/formats/bson-documents.ts';
import { bsonToJson } from '../../src/formats/bson-to-json.ts';
import { jsonRecordText } from '../../src/formats/json-records.ts';
import {
  librechatChats,
  librechatFileIds,
  librechatGroupOf,
  type LibrechatGroup,
} from '../../src/mappings/librechat-chats.ts';
import { idText, parseDocument, type Document } from '../../src/models/extended-json.ts';
import type { LibrechatChat } from '../../src/models/librechat.ts';
import { generateLibrechat } from './librechat-data/generate-librechat.ts';
import type { Manifest } from './librechat-data/manifest.ts';
import type { GeneratedRecord, GenerateOptions } from './librechat-data/types.ts';

type Group = {
  -readonly [Key in keyof LibrechatGroup]: Key extends 'conversations' | 'messages' | 'files'
    ? Document[]
    : LibrechatGroup[Key];
};

/** Generated records joined into chats the plain way, all in memory: what readers of dumps and servers must arrive at, too. */
export function joinRecords(
  records: Iterable<GeneratedRecord>,
  form: 'relaxed' | 'canonical' = 'relaxed',
): LibrechatChat[] {
  const collections = new Map<string, Document[]>();
  for (const record of records) {
    if (!('document' in record)) continue;
    const document = documentIn(form, BSON.serialize(record.document));
    const collection = collections.get(record.collection);
    if (collection === undefined) collections.set(record.collection, [document]);
    else collection.push(document);
  }
  const users = new Map((collections.get('users') ?? []).map((user) => [idText(user['_id']) ?? '', user]));
  const groups = new Map<string, Group>();
  const groupOf = (document: Document): Group => {
    const { userId, conversationId } = librechatGroupOf(document);
    const key = JSON.stringify([userId, conversationId]);
    const group = groups.get(key) ?? {
      userId,
      conversationId,
      user: users.get(userId) ?? null,
      conversations: [],
      messages: [],
      files: [],
    };
    groups.set(key, group);
    return group;
  };
  for (const conversation of collections.get('conversations') ?? [])
    groupOf(conversation).conversations.push(conversation);
  for (const message of collections.get('messages') ?? []) groupOf(message).messages.push(message);

  const files = new Map<string, Document[]>();
  for (const file of collections.get('files') ?? []) {
    const id = idText(file['file_id']) ?? '';
    files.set(id, [...(files.get(id) ?? []), file]);
  }
  for (const group of groups.values()) {
    const ids = new Set([...group.conversations, ...group.messages].flatMap(librechatFileIds));
    for (const id of ids) group.files.push(...(files.get(id) ?? []));
  }
  return [...groups.values()].flatMap(librechatChats);
}

/** Generates and joins. */
export function joinedLibrechat(
  options: GenerateOptions,
  form: 'relaxed' | 'canonical' = 'relaxed',
): { chats: LibrechatChat[]; manifest: Manifest } {
  const { records, manifest } = generateLibrechat({ binaries: false, ...options });
  return { chats: joinRecords(records, form), manifest };
}

function documentIn(form: 'relaxed' | 'canonical', bson: Uint8Array): Document {
  if (form === 'canonical')
    return EJSON.serialize(BSON.deserialize(bson, { promoteValues: false }), { relaxed: false });
  // Not by the package: in relaxed form it cuts int64 to what a double holds.
  const { json } = bsonToJson(gatherBsonDocuments([bson]), { types: 'relaxed' });
  return parseDocument(jsonRecordText(json, 0));
}
