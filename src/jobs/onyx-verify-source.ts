import type { Conversation } from '../models/conversation.ts';
import { bundleSource } from '../sources/bundle.ts';
import { librechatSource } from '../sources/librechat.ts';
import type { Source } from '../stage.ts';

/** Where imported chats came from: a bundle, a live LibreChat, or a dump of one. */
export type OnyxOrigin = { readonly bundle: string } | { readonly uri: string } | { readonly from: readonly string[] };

/** The conversations to compare Onyx with; of some users only, by their e-mail addresses. */
export function onyxVerifySource(origin: OnyxOrigin, users?: readonly string[]): Source<Conversation> {
  if ('bundle' in origin)
    return bundleSource({ path: origin.bundle, ...(users !== undefined && { userEmail: [...users] }) });
  const scope = users === undefined ? {} : { users: [...users] };
  return 'uri' in origin
    ? librechatSource({ uri: origin.uri, ...scope })
    : librechatSource({ from: origin.from.length === 1 ? (origin.from[0] ?? '') : [...origin.from], ...scope });
}
