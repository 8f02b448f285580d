import { digestOf, documentDigest } from '../formats/chat-digest.ts';
import { parseDocument, type Document } from '../models/extended-json.ts';
import { idField, idsField, jsonField, textField, timeField } from './librechat-fields.ts';
import { fieldSlots, librechatScanner } from './librechat-scan.ts';

/** A document of which only what is needed was decoded, and what one look at its text told besides. */
export interface ScannedDocument {
  readonly text: Buffer;
  readonly document: Document;
  /** `documentDigest` of the text. */
  readonly digest: string;
  /** Never wrong when it says no. */
  readonly mayHoldSecret: boolean;
}

/** A message with only those fields that its place in the tree and its files take: nothing else is decoded. */
export function thinMessage(text: Buffer): ScannedDocument {
  const scanner = librechatScanner();
  const isDocument = scanner.scan(text, 0, text.length);
  const holdsFile = scanner.holdsMark(fieldSlots.content);
  const document = !isDocument
    ? {}
    : {
        _id: idField(text, '_id'),
        messageId: textField(text, 'messageId'),
        parentMessageId: textField(text, 'parentMessageId'),
        createdAt: timeField(text, 'createdAt'),
        updatedAt: timeField(text, 'updatedAt'),
        isCreatedByUser: jsonField(text, 'isCreatedByUser'),
        sender: textField(text, 'sender'),
        unfinished: jsonField(text, 'unfinished'),
        files: jsonField(text, 'files'),
        content: holdsFile || scanner.holdsNull(fieldSlots.content) ? jsonField(text, 'content') : undefined,
        attachments: scanner.holdsMark(fieldSlots.attachments) ? jsonField(text, 'attachments') : undefined,
      };
  return { text, document, ...found(text) };
}

/** A conversation with only those fields that decide whether it is wanted, and what its messages and files are. */
export function thinConversation(text: Buffer): ScannedDocument {
  const isDocument = librechatScanner().scan(text, 0, text.length);
  const document = !isDocument
    ? {}
    : {
        _id: idField(text, '_id'),
        updatedAt: timeField(text, 'updatedAt'),
        isArchived: jsonField(text, 'isArchived'),
        isTemporary: jsonField(text, 'isTemporary'),
        expiredAt: jsonField(text, 'expiredAt'),
        files: jsonField(text, 'files'),
        messages: idsField(text, 'messages'),
      };
  return { text, document, ...found(text) };
}

/** All of a document. */
export function wholeDocument(text: Buffer): Document {
  return parseDocument(text.toString('utf8'));
}

/** All of a document, and what one look at its text tells. */
export function scannedDocument(text: Buffer): ScannedDocument {
  librechatScanner().scan(text, 0, text.length);
  return { text, document: wholeDocument(text), ...found(text) };
}

/** What the scanner found in the text besides its fields. */
function found(text: Buffer): Pick<ScannedDocument, 'digest' | 'mayHoldSecret'> {
  const { mayHoldSecret } = librechatScanner();
  const counted = librechatScanner().digestPieces();
  const isEmpty = counted.every((piece) => piece.length === 0);
  return { mayHoldSecret, digest: isEmpty ? documentDigest(text) : digestOf(counted) };
}
