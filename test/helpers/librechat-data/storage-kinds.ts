import type { Document } from 'bson';
import { pdfBytes, pngBytes, webpBytes } from './binaries.ts';
import type { GeneratedBinary, Owner, World } from './types.ts';

/** What a storage kind decides: the fields of the file document that differ, and its bytes when they are on disk. */
export interface Stored {
  readonly fields: Document;
  readonly binary?: GeneratedBinary;
}
export interface FileName {
  readonly owner: Owner;
  readonly fileId: string;
  /** As the user saw it, with extension for images left to the kind. */
  readonly base: string;
  readonly timeMs: number;
}

type Make = (world: World, name: FileName) => Stored;

/** How each kind of storage names its files and what it leaves on disk (LibreChat's file strategies, all eras). */
export const STORAGE_KINDS = {
  'local-image': image((n) => `${n.fileId}__${n.base}.webp`),
  'local-image-legacy': image((n) => `img-${n.fileId}.png`),
  'local-image-dash': image((n) => `${n.fileId}-${n.base}.png`),
  'local-image-generated': image((n) => `${n.fileId}.webp`, { context: 'image_generation', model: 'dall-e-3' }),
  'local-avatar': image((n) => `avatar-${n.fileId}.png`, { context: 'avatar' }, '?manual=true'),
  'local-pdf': upload('pdf', 'application/pdf', (_world, n) => pdfBytes(`Report ${n.fileId}`)),
  'local-text': upload('csv', 'text/csv', (world, n) => Buffer.from(`id,note\n${n.fileId},"${world.text.title()}"\n`)),
  'local-agents': upload('md', 'text/markdown', (_world, n) => Buffer.from(`# Knowledge ${n.fileId}\n`), {
    context: 'agents',
    embedded: true,
  }),
  'local-public': (_world, n) => {
    const path = `public/${n.owner.hex}/${n.fileId}-${n.base}.txt`;
    const bytes = Buffer.from(`public ${n.fileId}\n`);
    return {
      fields: {
        filename: `${n.base}.txt`,
        filepath: `/${path}`,
        type: 'text/plain',
        bytes: bytes.length,
        source: 'local',
      },
      binary: { path, bytes },
    };
  },
  s3: remote('s3', 'uploads', (path, world) => `https://chat-files.s3.eu-west-1.amazonaws.com/${path}${signed(world)}`),
  's3-path-style': remote(
    's3',
    'images',
    (path, world) => `https://s3.eu-west-1.amazonaws.com/chat-files/${path}${signed(world)}`,
  ),
  's3-storage-key': remote(
    's3',
    'uploads',
    (path, world) => `https://chat-files.s3.eu-west-1.amazonaws.com/${path}${signed(world)}`,
    (path) => ({
      storageKey: path,
      storageRegion: 'eu-west-1',
    }),
  ),
  cloudfront: remote(
    'cloudfront',
    'uploads',
    (path) => `https://cdn.example.org/r/eu-west-1/${path}`,
    (path) => ({
      storageKey: `r/eu-west-1/${path}`,
      storageRegion: 'eu-west-1',
    }),
  ),
  azure_blob: remote('azure_blob', 'uploads', (path) => `https://chatfiles.blob.core.windows.net/files/${path}`),
  firebase: remote('firebase', 'images', (path, world) => {
    const token = world.record.secret('files.filepath (firebase token)', world.random.hex(8));
    return `https://firebasestorage.googleapis.com/v0/b/chat/o/${encodeURIComponent(path)}?alt=media&token=${token}`;
  }),
  openai: provider('openai', (n) => `https://api.openai.com/v1/files/${n.fileId}`),
  azure: provider(
    'azure',
    (n) => `https://chat.openai.azure.com/openai/files/${n.owner.hex}/${n.fileId}/${n.base}.pdf`,
  ),
  vectordb: provider('vectordb', () => 'vectordb', { embedded: true }),
  text: textOnly('text', (n) => `/tmp/uploads/temp/${n.owner.hex}/${n.fileId}`),
  mistral_ocr: textOnly('mistral_ocr', (n) => `https://api.mistral.ai/v1/files/${n.fileId}/url`),
  document_parser: textOnly('document_parser', (n) => `/tmp/uploads/temp/${n.owner.hex}/${n.fileId}.docx`),
  execute_code: provider('execute_code', (n) => `/api/files/code/download/${n.fileId.slice(0, 8)}/${n.fileId}`, {
    context: 'execute_code',
  }),
} satisfies Record<string, Make>;

export type StorageKind = keyof typeof STORAGE_KINDS;

function image(stored: (n: FileName) => string, extra: Document = {}, query = ''): Make {
  return (world, n) => {
    const path = `images/${n.owner.hex}/${stored(n)}`;
    const isWebp = path.endsWith('.webp');
    const bytes = isWebp ? webpBytes(world.random, world.random.int(80, 300)) : pngBytes(world.random, 6, 6);
    const fields = {
      filename: `${n.base}.png`, // the upload's name; LibreChat stores the converted image
      filepath: `/${path}${query}`,
      type: isWebp ? 'image/webp' : 'image/png',
      bytes: bytes.length,
      source: 'local',
      width: 6,
      height: 6,
      ...extra,
    };
    return { fields, binary: { path, bytes } };
  };
}

function upload(
  extension: string,
  type: string,
  make: (world: World, n: FileName) => Uint8Array,
  extra: Document = {},
): Make {
  return (world, n) => {
    const path = `uploads/${n.owner.hex}/${n.fileId}__${n.base}.${extension}`;
    const bytes = make(world, n);
    const fields = {
      filename: `${n.base}.${extension}`,
      filepath: `/${path}`,
      type,
      bytes: bytes.length,
      source: 'local',
      ...extra,
    };
    return { fields, binary: { path, bytes } };
  };
}

function remote(
  source: string,
  folder: string,
  url: (path: string, world: World) => string,
  extra: (path: string) => Document = () => ({}),
): Make {
  return (world, n) => {
    const path = `${folder}/${n.owner.hex}/${n.fileId}__${n.base}.${folder === 'images' ? 'webp' : 'pdf'}`;
    const type = folder === 'images' ? 'image/webp' : 'application/pdf';
    return {
      fields: {
        filename: `${n.base}.pdf`,
        filepath: url(path, world),
        type,
        bytes: world.random.int(500, 90_000),
        source,
        ...extra(path),
      },
    };
  };
}

function provider(source: string, filepath: (n: FileName) => string, extra: Document = {}): Make {
  return (world, n) => ({
    fields: {
      filename: `${n.base}.pdf`,
      filepath: filepath(n),
      type: 'application/pdf',
      bytes: world.random.int(500, 90_000),
      source,
      ...extra,
    },
  });
}

function textOnly(source: string, filepath: (n: FileName) => string): Make {
  return (world, n) => {
    const text = world.text.prose(Math.round(world.random.logNormal(900, 1, 40_000) * world.options.textScale));
    const fields = {
      filename: `${n.base}.docx`,
      filepath: filepath(n),
      type: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    };
    return { fields: { ...fields, bytes: text.length + 4000, source, text, textFormat: 'text', status: 'ready' } };
  };
}

function signed(world: World): string {
  const signature = world.record.secret('files.filepath (presigned URL)', world.random.hex(16));
  return `?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260301T000000Z&X-Amz-Expires=604800&X-Amz-Signature=${signature}`;
}
