import type { BundleLine, LineDocument } from './bundle-line-reader.ts';
import { documentDigest, isVolatile } from './chat-digest.ts';
import { jsonMembers } from './json-members.ts';

/** One thing that is not the same in two forms of a chat. */
export interface ChatDifference {
  readonly what: 'owner' | 'conversation' | 'copy' | 'message';
  /** The document concerned, as its ids stand in it. */
  readonly id?: string | undefined;
  /** The field that differs; absent when the whole document is missing or too much. */
  readonly field?: string | undefined;
  /** `missing`: the other has it; `unexpected`: the other has it not; `differs`: both have one. */
  readonly how: 'missing' | 'unexpected' | 'differs';
  /** Beginnings of the two values. */
  readonly here?: string | undefined;
  readonly there?: string | undefined;
}

const shownBytes = 60;

/** What differs between a chat here (in the bundle) and there (in its source), document by document and field by field. */
export function chatDifferences(here: BundleLine, there: BundleLine): ChatDifference[] {
  const differences: ChatDifference[] = [];
  if (here.userId !== there.userId || here.conversationId !== there.conversationId) {
    const nameOf = ({ userId, conversationId }: BundleLine): string =>
      `${conversationId ?? 'no id'} of user ${userId === '' ? 'nobody' : userId}`;
    differences.push({ what: 'owner', how: 'differs', here: nameOf(here), there: nameOf(there) });
  }
  differences.push(
    ...documentDifferences(
      'conversation',
      here.conversation === null ? [] : [here.conversation],
      there.conversation === null ? [] : [there.conversation],
    ),
    ...documentDifferences('copy', here.copies, there.copies),
    ...documentDifferences('message', here.messages, there.messages),
  );
  return differences;
}

function documentDifferences(
  what: ChatDifference['what'],
  here: readonly LineDocument[],
  there: readonly LineDocument[],
): ChatDifference[] {
  const waiting = new Map<string, LineDocument[]>();
  for (const document of there) {
    const others = waiting.get(document.id);
    if (others === undefined) waiting.set(document.id, [document]);
    else others.push(document);
  }
  const differences: ChatDifference[] = [];
  const unmatched: LineDocument[] = [];
  // Equal ones first, so that of several with one id only those are compared that have no equal.
  for (const document of here) {
    const others = waiting.get(document.id) ?? [];
    const digest = documentDigest(document.bytes);
    const same = others.findIndex((other) => documentDigest(other.bytes) === digest);
    if (same >= 0) others.splice(same, 1);
    else unmatched.push(document);
  }
  for (const document of unmatched) {
    const other = waiting.get(document.id)?.shift();
    if (other === undefined) differences.push({ what, id: document.id, how: 'unexpected' });
    else differences.push(...fieldDifferences(what, document, other));
  }
  for (const { id } of [...waiting.values()].flat()) differences.push({ what, id, how: 'missing' });
  return differences;
}

function fieldDifferences(what: ChatDifference['what'], here: LineDocument, there: LineDocument): ChatDifference[] {
  const others = new Map(
    jsonMembers(there.bytes).map((member) => [member.name, there.bytes.subarray(member.start, member.end)]),
  );
  const differences: ChatDifference[] = [];
  for (const { name, start, end } of jsonMembers(here.bytes)) {
    const value = here.bytes.subarray(start, end);
    const other = others.get(name);
    others.delete(name);
    if (isVolatile(name)) continue;
    if (other === undefined)
      differences.push({ what, id: here.id, field: name, how: 'unexpected', here: shown(value) });
    else if (!value.equals(other))
      differences.push({ what, id: here.id, field: name, how: 'differs', ...shownApart(value, other) });
  }
  for (const [name, value] of others) {
    if (!isVolatile(name)) differences.push({ what, id: here.id, field: name, how: 'missing', there: shown(value) });
  }
  // The same fields with the same values: then their order differs, or one occurs twice.
  return differences.length > 0
    ? differences
    : [{ what, id: here.id, how: 'differs', ...shownApart(here.bytes, there.bytes) }];
}

/** Both values from a little before the first byte that differs. */
function shownApart(here: Buffer, there: Buffer): { readonly here: string; readonly there: string } {
  let at = 0;
  while (at < here.length && at < there.length && here[at] === there[at]) at += 1;
  const from = Math.max(0, at - shownBytes / 3);
  return { here: shown(here, from), there: shown(there, from) };
}

function shown(value: Buffer, from = 0): string {
  const text = value.toString('utf8', from, from + shownBytes);
  return `${from > 0 ? '…' : ''}${text}${value.length > from + shownBytes ? '…' : ''}`;
}
