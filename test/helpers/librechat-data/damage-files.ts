import type { Document } from 'bson';
import { linearChat, messageAt } from './chat-plan.ts';
import { type FileOptions, makeFile } from './files.ts';
import { SECRET_MARK } from './manifest.ts';
import type { StorageKind } from './storage-kinds.ts';
import type { Chat, GeneratedRecord, Owner, World } from './types.ts';

type Scenario = (world: World, owner: Owner) => Chat[];

/** A file outside uploads and images; a path with `..` points to it, and nothing may ever copy it. */
const OUTSIDE_FILE = 'outside-the-roots.txt';

/** One file of every storage kind, three to a question. */
export const everyStorage =
  (kinds: readonly StorageKind[]): Scenario =>
  (world, owner) => {
    const chat = linearChat(world, owner, Math.ceil(kinds.length / 3));
    kinds.forEach((_, index) => {
      if (index % 3 !== 0) return;
      const plan = messageAt(chat, (index / 3) * 2);
      plan.attach = (_chat, timeMs) =>
        together(
          chat,
          kinds.slice(index, index + 3).map((kind) => makeFile(world, { owner, kind, timeMs })),
        );
    });
    return [chat];
  };

/** Bytes that are gone, cannot be read, lie outside, are odd in name, or are there twice; documents likewise. */
export const brokenFiles: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3);
  const { random } = world;
  const make = (timeMs: number, kind: StorageKind, options: Partial<FileOptions> = {}) =>
    makeFile(world, { owner, kind, timeMs, ...options });
  const damage = (kind: string, file: { document: Document }, expect: Document = {}): void =>
    world.record.damage(kind, {
      user: owner.hex,
      conversationId: chat.conversationId,
      fileId: file.document.file_id as string,
      expect,
    });

  messageAt(chat, 0).attach = (_chat, timeMs) => {
    const gone = make(timeMs, 'local-pdf', { bytes: 'none' });
    damage('file-without-binary', gone, { bytes: 'missing' });

    const fileId = random.uuid();
    const folder = `uploads/${owner.hex}/${fileId}__folder.pdf`;
    const unreadable = make(timeMs, 'local-pdf', { fileId, bytes: 'none', set: { filepath: `/${folder}` } });
    damage('file-unreadable', unreadable, { bytes: 'unreadable' }); // a directory lies where the file should be

    const outside = make(timeMs, 'local-text', {
      bytes: 'none',
      set: { filename: '../../etc/passwd', filepath: `/uploads/${owner.hex}/../../${OUTSIDE_FILE}` },
    });
    damage('file-path-escape', outside, { bytes: 'refused' });
    const result = together(chat, [gone, unreadable, outside]);
    const extra: GeneratedRecord[] = [
      { path: `${folder}/inside.txt`, bytes: Buffer.from('a directory has the name of the upload\n') },
      { path: OUTSIDE_FILE, bytes: Buffer.from(`${SECRET_MARK}: this file is outside the roots\n`) },
    ];
    return { set: result.set, records: [...result.records, ...extra] };
  };

  messageAt(chat, 2).attach = (_chat, timeMs) => {
    const fileId = random.uuid();
    const stored = `${fileId}__résumé 100%25 #1 📎 资料.pdf`;
    const path = `uploads/${owner.hex}/${stored}`;
    const bytes = Buffer.from(`odd name ${fileId}\n`);
    const odd = make(timeMs, 'local-pdf', {
      fileId,
      bytes: 'none',
      set: { filename: 're/sum\u00e9\u0000\n"1".pdf', filepath: `/${path}`, bytes: bytes.length },
    });
    damage('file-odd-name', odd, { bytes: 'there' });

    const content = Buffer.from('the same words in two uploads\n');
    const one = make(timeMs, 'local-text', { bytes: content, set: { bytes: content.length } });
    const two = make(timeMs, 'local-text', { bytes: content, set: { bytes: content.length } });
    for (const file of [one, two]) damage('file-same-content', file, { bytes: 'there' });
    const result = together(chat, [odd, one, two]);
    return { set: result.set, records: [...result.records, { path, bytes }] };
  };

  messageAt(chat, 4).attach = (_chat, timeMs) => {
    const first = make(timeMs, 'local-image');
    const again = { collection: 'files', document: { ...first.document, _id: world.objectId(timeMs), usage: 2 } };
    damage('file-id-twice', first);
    const phantom = make(timeMs, 's3');
    damage('file-entry-without-document', phantom, { bytes: 'remote' });
    const wrong = make(timeMs, 'local-image-dash', { set: { bytes: 999_999 } });
    damage('file-bytes-wrong', wrong, { bytes: 'there' });
    const result = together(chat, [first, phantom, wrong]);
    const records = result.records.filter((record) => !('document' in record) || record.document !== phantom.document);
    return { set: result.set, records: [...records, again] };
  };
  return [chat];
};

function together(chat: Chat, files: readonly ReturnType<typeof makeFile>[]) {
  chat.fileIds.push(...files.map(({ document }) => document.file_id as string)); // makeFile always sets it
  return { set: { files: files.map(({ entry }) => entry) }, records: files.flatMap(({ records }) => records) };
}
