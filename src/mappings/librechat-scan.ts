import { volatileNames, volatilePrefixes } from '../formats/chat-digest.ts';
import { createDocumentScanner, type DocumentScanner } from '../formats/document-scanner.ts';
import { secretNames, secretPrefixes, signatureParameters } from './librechat-secrets.ts';

const fields = [
  '_id',
  'user',
  'conversationId',
  'messageId',
  'parentMessageId',
  'createdAt',
  'updatedAt',
  'isCreatedByUser',
  'sender',
  'unfinished',
  'files',
  'content',
  'attachments',
  'file_id',
  'messages',
  'isArchived',
  'isTemporary',
  'expiredAt',
] as const;

export type LibrechatField = (typeof fields)[number];

/** The place of each field that is looked for, for what {@link librechatScanner} finds. */
export const fieldSlots = Object.fromEntries(fields.map((name, slot) => [name, slot])) as Readonly<
  Record<LibrechatField, number>
>;

let scanner: DocumentScanner | undefined;

/**
 * The scanner for LibreChat's documents, one for all: what it found is gone with the next document.
 *
 * A member named `file_id` below a field is marked: it names a file.
 */
export function librechatScanner(): DocumentScanner {
  scanner ??= createDocumentScanner({
    slots: fields,
    mark: 'file_id',
    volatile: { names: volatileNames, prefixes: volatilePrefixes },
    secrets: { names: [...secretNames], prefixes: secretPrefixes },
    linkParameters: signatureParameters,
  });
  return scanner;
}
