import { documentKeys } from './document-keys.ts';
import { librechatUserDocument } from '../mappings/librechat-user.ts';
import { wholeDocument } from '../mappings/librechat-thin.ts';
import { asBuffer } from '../formats/json-records.ts';
import { idText, timeText, type Document } from '../models/extended-json.ts';
import type { StageContext } from '../stage.ts';
import type { LibrechatInput } from './librechat-input.ts';

/** A user of a LibreChat, with how much is theirs. */
export interface LibrechatUserSummary {
  readonly id: string;
  /** Null when the account is gone and only its conversations are left. */
  readonly email: string | null;
  readonly name: string | null;
  readonly conversations: number;
  /** When a conversation of theirs was saved last: ISO 8601. */
  readonly lastSavedAt: string | null;
}

/** Lists the users of a LibreChat by id, those who are gone and left conversations too. Memory: some hundred bytes a user. */
export async function librechatUserSummaries(
  input: LibrechatInput,
  ctx: StageContext,
): Promise<LibrechatUserSummary[]> {
  const users = new Map<string, Document>();
  for await (const text of textsOf(input, 'users', ctx)) {
    const user = wholeDocument(text);
    const id = idText(user['_id']);
    if (id !== undefined) users.set(id, librechatUserDocument(user));
  }
  const sums = new Map<string, { conversations: number; lastSavedAt: string | null }>();
  for (const id of users.keys()) sums.set(id, { conversations: 0, lastSavedAt: null });
  for await (const text of textsOf(input, 'conversations', ctx)) {
    const { userId } = documentKeys(text, 0, text.length);
    const sum = sums.get(userId) ?? { conversations: 0, lastSavedAt: null };
    sum.conversations += 1;
    const saved = timeText(wholeDocument(text)['updatedAt']);
    if (saved !== undefined && (sum.lastSavedAt === null || saved > sum.lastSavedAt)) sum.lastSavedAt = saved;
    sums.set(userId, sum);
  }
  const summaries = [...sums].map(([id, sum]) => {
    const { email, name } = users.get(id) ?? {};
    return {
      id,
      email: typeof email === 'string' ? email : null,
      name: typeof name === 'string' ? name : null,
      ...sum,
    };
  });
  return summaries.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function* textsOf(
  input: LibrechatInput,
  collection: 'users' | 'conversations',
  ctx: StageContext,
): AsyncGenerator<Buffer> {
  for await (const { bytes, starts, ends, count } of input.read(collection, {}, ctx)) {
    const buffer = asBuffer(bytes);
    for (let i = 0; i < count; i++) yield buffer.subarray(starts[i], ends[i]);
  }
}
