import { jsonMembers, type JsonMember } from '../formats/json-members.ts';
import type { Json } from '../json.ts';
import { parseDocument, type Document } from '../models/extended-json.ts';

/** Fields of a message that its place in the tree takes. */
const placed = new Set([
  '_id',
  'messageId',
  'parentMessageId',
  'createdAt',
  'updatedAt',
  'isCreatedByUser',
  'sender',
  'unfinished',
  'files',
]);

const fileMark = Buffer.from('file_id');
const hole = Buffer.from('null');

/** A message's document with only those fields that its place in the tree and its files take: nothing else is decoded. */
export function thinMessage(text: Buffer, members: readonly JsonMember[] = jsonMembers(text)): Document {
  const document: { [name: string]: Json } = {};
  for (const member of members) {
    const { name } = member;
    const isWanted =
      placed.has(name) ||
      (name === 'content' && (holds(text, member, fileMark) || holds(text, member, hole))) ||
      (name === 'attachments' && holds(text, member, fileMark));
    if (isWanted) document[name] = JSON.parse(text.toString('utf8', member.start, member.end)) as Json;
  }
  return document;
}

/** All of a document. */
export function wholeDocument(text: Buffer): Document {
  return parseDocument(text.toString('utf8'));
}

function holds(text: Buffer, { start, end }: JsonMember, mark: Buffer): boolean {
  return text.subarray(start, end).includes(mark);
}
