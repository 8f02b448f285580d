import type { Document } from 'bson';

/**
 * Names what a stored document has that a reader must cope with, one entry an occurrence.
 *
 * `part:<type>`, `attachment:<kind>`, `storage:<source>`, `message:<flag>`, `conversation:<flag>`.
 */
export function featuresOf(collection: string, document: Document): string[] {
  if (collection === 'messages') return messageFeatures(document);
  if (collection === 'conversations') return conversationFeatures(document);
  return collection === 'files' ? [`storage:${document.source}`] : [];
}

function messageFeatures(document: Document): string[] {
  const flags = ['error', 'unfinished', 'addedConvo', 'isTemporary', 'isUserSubmitted'].filter(
    (name) => document[name] === true,
  );
  const fields = ['feedback', 'plugin', 'metadata', 'quotes', 'thread_id', 'subagentTranscript'].filter(
    (name) => name in document,
  );
  const parts = list(document.content).map((part) => `part:${part === null ? 'null' : part.type}`);
  const attachments = list(document.attachments).map((attachment) => `attachment:${attachmentKind(attachment ?? {})}`);
  const files = list(document.files).map(() => 'message:file-entry');
  return [...flags, ...fields].map((name) => `message:${name}`).concat(parts, attachments, files);
}

function conversationFeatures(document: Document): string[] {
  const flags = ['isArchived', 'isTemporary', 'pinned'].filter((name) => document[name] === true);
  const expires = document.expiredAt instanceof Date ? ['expiredAt'] : [];
  const filled = ['chatProjectId', 'subagentThread'].filter(
    (name) => document[name] !== null && document[name] !== undefined,
  );
  const tagged = list(document.tags).length > 0 ? ['tags'] : [];
  return [...flags, ...expires, ...filled, ...tagged].map((name) => `conversation:${name}`);
}

function attachmentKind(attachment: Document): string {
  if (typeof attachment.type === 'string' && !attachment.type.includes('/')) return attachment.type;
  if ('workspaceChange' in attachment) return 'workspace';
  return 'file_id' in attachment ? 'stored_file' : 'code_output';
}

function list(value: unknown): (Document | null)[] {
  return Array.isArray(value) ? (value as (Document | null)[]) : []; // our own documents: parts and entries are objects or holes
}
