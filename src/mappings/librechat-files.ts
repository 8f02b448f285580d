import type { FileRecord, Unavailable } from '../models/conversation.ts';
import { DocumentReader } from '../models/document-reader.ts';
import type { Document } from '../models/extended-json.ts';
import { isBookkeeping, isSecret, withoutSignature } from './librechat-secrets.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * A file of a conversation from its document, or from what a message keeps of it.
 *
 * `filepath` loses its signature, and tells by the kind of storage where the bytes may be. Nothing is looked up here.
 *
 * @see LibreChat 0.8 `packages/data-schemas/src/schema/file.ts`, `packages/api/src/storage` for paths and keys
 */
export function librechatToFile(id: string, document: Document, ownerId: string): FileRecord {
  const reader = new DocumentReader(document);
  const file: Writable<FileRecord> = { id };
  if (reader.id('file_id') !== id) reader.mark('file_id', false);
  const name = reader.text('filename');
  if (name !== undefined) file.name = name;
  const mediaType = reader.text('type');
  if (mediaType !== undefined) file.mediaType = mediaType;
  for (const size of ['bytes', 'width', 'height'] as const) {
    const value = reader.number(size);
    if (value !== undefined) file[size] = value;
  }
  const createdAt = reader.time('createdAt');
  if (createdAt !== undefined) file.createdAt = createdAt;
  const text = reader.text('text');
  if (text !== undefined) file.text = text;
  const url = reader.text('filepath');
  const storage = reader.text('source') ?? (url === undefined ? undefined : storageOf(url));
  if (storage !== undefined) file.storage = storage;
  const { storageKey } = document;
  Object.assign(file, whereabouts(storage, url, typeof storageKey === 'string' ? storageKey : undefined));
  if (url !== undefined) file.url = withoutSignature(url);
  if (reader.id('user') !== ownerId) reader.mark('user', false);
  if (reader.text('object') !== 'file') reader.mark('object', false);
  const extra = reader.rest((field) => isBookkeeping(field) || isSecret(field));
  if (extra !== undefined) file.extra = extra;
  return file;
}

/** The kind of storage by the look of a path: messages of older versions do not name it. */
function storageOf(path: string): string | undefined {
  if (/^\/?(?:images|uploads|public)\//.test(path)) return 'local';
  if (path.startsWith('/api/files/code/')) return 'execute_code';
  const host = /^https?:\/\/([^/?#]+)/.exec(path)?.[1] ?? '';
  if (host.endsWith('.amazonaws.com')) return 's3';
  if (host.endsWith('.blob.core.windows.net')) return 'azure_blob';
  if (host === 'firebasestorage.googleapis.com') return 'firebase';
  return host.endsWith('.openai.com') ? 'openai' : undefined;
}

interface Whereabouts {
  readonly paths?: readonly string[];
  readonly unavailable?: Unavailable;
}

/** Where the bytes may be below the folders of uploads, or why there are none. */
function whereabouts(
  storage: string | undefined,
  filepath: string | undefined,
  storageKey: string | undefined,
): Whereabouts {
  switch (storage) {
    case 'local':
      return filepath === undefined ? { unavailable: 'missing' } : below(localPaths(filepath));
    case 's3':
    case 'cloudfront':
    case 'azure_blob':
    case 'firebase':
      return below(remotePaths(storageKey, filepath));
    case 'openai':
    case 'azure':
    case 'assistants':
      return { unavailable: 'providerOnly' };
    case 'vectordb':
      return { unavailable: 'indexOnly' };
    case 'execute_code':
      return { unavailable: 'expired' };
    default:
      return {
        unavailable:
          storage === 'text' || storage === 'document_parser' || storage?.endsWith('_ocr') === true
            ? 'textOnly'
            : 'unknownStorage',
      };
  }
}

function below(paths: readonly string[]): Whereabouts {
  if (paths.length === 0) return { unavailable: 'missing' };
  return paths.some(isUnsafe) ? { unavailable: 'refused' } : { paths: [...new Set(paths)] };
}

/** The path as it is stored; a question mark may begin a query (avatars) or belong to the name. */
function localPaths(filepath: string): string[] {
  const path = filepath.replace(/^\/+/, '');
  const query = path.lastIndexOf('?');
  return query < 0 ? inFolders(path) : [...inFolders(path.slice(0, query)), ...inFolders(path)];
}

/** Below the application's root, below the folder that compose files mount, or, for images, in the client's public folder. */
function inFolders(path: string): string[] {
  const inside = path.slice(path.indexOf('/') + 1);
  return path.startsWith('images/') ? [path, inside, `client/public/${path}`] : [path, inside];
}

/** The key in the bucket, where that is mounted or copied to a folder. */
function remotePaths(storageKey: string | undefined, url: string | undefined): string[] {
  const key = storageKey ?? (url === undefined ? undefined : keyOf(url));
  if (key === undefined || key === '') return [];
  // Newer keys begin with the region, path-style links with the bucket: `r/eu-west-1/uploads/…`.
  const inside = /(?:^|\/)((?:images|uploads)\/.+)$/s.exec(key)?.[1];
  return inside === undefined ? [key] : [key, ...inFolders(inside).slice(0, 2)];
}

function keyOf(url: string): string | undefined {
  const path = /^https?:\/\/[^/?#]+\/([^?#]*)/.exec(url)?.[1];
  if (path === undefined) return undefined;
  try {
    // Firebase keeps the whole key in one segment after `/o/`.
    return decodeURIComponent(/^v0\/b\/[^/]+\/o\/(.+)$/.exec(path)?.[1] ?? path);
  } catch {
    // Not percent-encoded: taken as it stands.
    return path;
  }
}

function isUnsafe(path: string): boolean {
  return path.startsWith('/') || path.includes('\0') || /(?:^|[/\\])\.\.(?:[/\\]|$)/.test(path);
}
