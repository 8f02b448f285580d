import type { Json } from '../json.ts';
import { DocumentReader } from '../models/document-reader.ts';
import { idText, type Document } from '../models/extended-json.ts';
import type { Owner } from '../models/conversation.ts';
import { withoutSignature } from './librechat-secrets.ts';

/** The owner of a conversation, as the conversation carries it. Without a document only the id is known. */
export function librechatOwner(userId: string, user: Document | null): Owner {
  if (user === null) return { id: userId };
  const { email, name, username, idOnTheSource } = user;
  return {
    id: userId,
    ...(typeof email === 'string' && { email }),
    ...(typeof name === 'string' && { name }),
    ...(typeof username === 'string' && username !== '' && { username }),
    ...(typeof idOnTheSource === 'string' && { directoryId: idOnTheSource }),
  };
}

/** What of a user may leave a LibreChat. Everything else stays, above all secrets and what newer versions add. */
export interface LibrechatUser {
  readonly id: string;
  readonly [name: string]: Json;
}

const texts = ['name', 'username', 'email', 'provider', 'role', 'idOnTheSource', 'openidIssuer', 'tenantId'] as const;
const flags = ['emailVerified', 'twoFactorEnabled', 'termsAccepted'] as const;
const times = ['createdAt', 'updatedAt', 'termsAcceptedAt'] as const;
const verbatim = ['personalization', 'favorites', 'pinnedOrder'] as const;

/**
 * A user's profile for an export: by a list of what may go, so that a field nobody knows can never leak.
 *
 * Ids at sign-in providers, plugins, passwords, second factors and tokens stay behind.
 */
export function librechatUser(user: Document): LibrechatUser {
  const reader = new DocumentReader(user);
  const profile: { [name: string]: Json } = {};
  const put = (name: string, value: Json | undefined): void => {
    if (value !== undefined) profile[name] = value;
  };
  for (const name of texts) put(name, reader.text(name));
  const avatar = reader.text('avatar');
  put('avatar', avatar === undefined ? undefined : withoutSignature(avatar));
  for (const name of flags) put(name, reader.flag(name));
  for (const name of times) put(name, reader.time(name));
  for (const name of verbatim) put(name, reader.value(name));
  return { id: idText(user['_id']) ?? '', ...profile };
}

/** As much of a user's document as conversations need: for holding many of them in memory. */
export function librechatUserDocument({ _id, email, name, username, idOnTheSource }: Document): Document {
  return { _id, email, name, username, idOnTheSource };
}
