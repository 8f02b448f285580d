import type { Json } from '../json.ts';
import type { Part } from '../models/conversation-parts.ts';

export type Fields = { readonly [name: string]: Json };

/** Who said a part, and what stands beside it. */
export function partMarks({ agentId, groupId }: Part): Fields {
  return { ...(agentId !== undefined && { agentId }), ...(groupId !== undefined && { groupId }) };
}

/** What is left of a part, and apart from it what is left of the document in one of its members. */
export function splitExtra(
  extra: Fields | undefined,
  member: string,
): { readonly rest: Fields; readonly inner: Json | undefined } {
  const { [member]: inner, ...rest } = extra ?? {};
  return { rest, inner };
}
