import type { Document } from '../models/extended-json.ts';
import { idText } from '../models/extended-json.ts';
import type { LibrechatUserRecord } from '../models/librechat-chat.ts';
import { documentRef } from './librechat-chat-files.ts';
import { withoutSecretsInText } from './librechat-clean-text.ts';
import { librechatUser } from './librechat-user.ts';
import { librechatUserRef } from './librechat-to-bundle.ts';
import { wholeDocument } from './librechat-thin.ts';

/** A user's documents as they lie in the database. */
export interface LibrechatUserTexts {
  readonly userId: string;
  /** The user's document; absent when the account is gone. */
  readonly document: Buffer | undefined;
  readonly related: readonly { readonly name: string; readonly texts: readonly Buffer[] }[];
  readonly files: readonly Buffer[];
}

/** A user with what is theirs besides chats, as a bundle wants it: the profile by a list of what may go, the rest without secrets. */
export function librechatUserRecord({ userId, document, related, files }: LibrechatUserTexts): LibrechatUserRecord {
  const user: Document | null = document === undefined ? null : wholeDocument(document);
  const clean = (text: Buffer): Buffer => withoutSecretsInText(text, 'other', () => undefined);
  return {
    type: 'user',
    user: librechatUserRef(userId, user),
    profile: Buffer.from(JSON.stringify(user === null ? { id: userId } : librechatUser(user))),
    related: related.map(({ name, texts }) => ({ name, lines: texts.map(clean) })),
    files: files.map((text) => {
      const file = wholeDocument(text);
      return documentRef(idText(file['file_id']) ?? '', file, userId, clean(text));
    }),
  };
}
