import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const user = '65a0c3e1f2b4a1d3c5e6f701';
export const olderChatId = '0b5f9d1e-1111-4000-8000-000000000001';

/**
 * A bundle as the Python tool for LibreChat makes it: the layout of ours without manifest, checksums and index, documents with
 * times as text, and nothing under `threadmill`. One user with a chat of two branches, an image, and a file that was not found.
 */
export async function olderBundle(path: string, email = 'Ana@example.org'): Promise<string> {
  const folder = join(path, email.toLowerCase().replaceAll(/[@.]/g, '-'));
  const image = Buffer.from('not really a picture');
  await mkdir(join(folder, 'files', 'file-1'), { recursive: true });
  await writeFile(join(folder, 'files', 'file-1', 'chart.png'), image);
  const message = (id: string, parent: string | null, second: number, text: string, more: object = {}): object => ({
    _id: `65a0c3e1f2b4a1d3c5e6f8${String(second).padStart(2, '0')}`,
    messageId: id,
    conversationId: olderChatId,
    user,
    parentMessageId: parent ?? '00000000-0000-0000-0000-000000000000',
    isCreatedByUser: id.startsWith('u'),
    sender: id.startsWith('u') ? 'User' : 'GPT-4o',
    text,
    createdAt: `2025-03-01T10:00:${String(second).padStart(2, '0')}+00:00`,
    updatedAt: `2025-03-01T10:00:${String(second).padStart(2, '0')}+00:00`,
    ...more,
  });
  const files = [
    {
      file_id: 'file-1',
      filename: 'chart.png',
      type: 'image/png',
      filepath: `/images/${user}/chart.png`,
      bytes: image.length,
    },
    {
      file_id: 'file-2',
      filename: 'gone.pdf',
      type: 'application/pdf',
      filepath: `/uploads/${user}/gone.pdf`,
      bytes: 9,
    },
  ];
  const messages = [
    message('u1', null, 1, 'What does this chart show?', {
      files: files.map(({ file_id, filename, type }) => ({ file_id, filename, type })),
    }),
    message('a1', 'u1', 2, 'Growth.', { model: 'gpt-4o' }),
    message('a2', 'u1', 3, 'Growth, mostly in spring.', { model: 'gpt-4o' }),
    message('u2', 'a2', 4, 'Thanks! 🌱'),
    message('a3', 'u2', 5, 'You are welcome.', { model: 'gpt-4o' }),
  ];
  const conversation = {
    _id: '65a0c3e1f2b4a1d3c5e6f7a1',
    conversationId: olderChatId,
    user,
    title: 'A chart',
    endpoint: 'openAI',
    model: 'gpt-4o',
    createdAt: '2025-03-01T10:00:00+00:00',
    updatedAt: '2025-03-01T10:00:05+00:00',
  };
  const line = {
    exported_at: '2025-03-02T08:00:00',
    user_email: email,
    conversation,
    messages,
    message_count: messages.length,
    file_ids: ['file-1', 'file-2'],
    missing_file_ids: [],
    branching: { has_branching: true, branch_points: ['u1'], missing_parent_ids: [] },
  };
  const entries = files.map((metadata, index) => ({
    file_id: metadata.file_id,
    metadata,
    source_path: index === 0 ? `/srv/librechat/images/${user}/chart.png` : null,
    sha256: index === 0 ? createHash('sha256').update(image).digest('hex') : null,
    copied_rel_path: index === 0 ? 'files/file-1/chart.png' : null,
    copied: index === 0,
    errors: index === 0 ? [] : ['source_file_not_found'],
  }));
  await writeFile(join(folder, 'conversations.jsonl'), `${JSON.stringify(line)}\n`);
  await writeFile(join(folder, 'files_manifest.jsonl'), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  await writeFile(
    join(folder, 'summary.json'),
    JSON.stringify({
      exported_at: '2025-03-02T08:00:00',
      email,
      user_id: user,
      conversation_count: 1,
      message_count: 5,
      file_count: 2,
    }),
  );
  return folder;
}
