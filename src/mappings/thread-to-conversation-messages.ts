import type { Json } from '../json.ts';
import { timeText } from '../models/extended-json.ts';
import type { ConversationRepair, Message, Role } from '../models/conversation.ts';
import { isFields, type Fields } from './thread-to-conversation-forms.ts';
import { sayMessage, type SaidMessage } from './thread-to-conversation-message.ts';
import type { ThreadNode, ThreadTree } from './thread-to-conversation-tree.ts';

/** A message in the making: one message of the thread, or several that were made of one. */
interface Draft {
  readonly id: string;
  readonly parentId: string | null;
  readonly of: string | undefined;
  readonly said: SaidMessage[];
  readonly nodes: ThreadNode[];
}

export interface ThreadMessages {
  readonly messages: readonly Message[];
  /** The id of the message in which a node is. */
  readonly idOf: (node: ThreadNode) => string;
  readonly repairs: readonly ConversationRepair[];
}

/**
 * The messages of a thread's tree. Those that we once made of one message are one again, where nothing branches off between.
 */
export function threadMessages(tree: ThreadTree): ThreadMessages {
  const drafts = new Map<ThreadNode, Draft>();
  const inOrder: Draft[] = [];
  const repairs: ConversationRepair[] = [];
  const names = new Map<string, string>();
  for (const node of tree.nodes) {
    const said = sayMessage(node.message, (callId) => names.get(callId));
    for (const part of said.parts) if (part.type === 'toolCall' && part.id !== null) names.set(part.id, part.name);
    const above = node.parent === undefined ? undefined : drafts.get(node.parent);
    const of = said.mark?.of;
    if (above !== undefined && of !== undefined && above.of === of && node.parent?.children === 1) {
      above.said.push(said);
      above.nodes.push(node);
      drafts.set(node, above);
      continue;
    }
    const draft = { id: node.id, parentId: above?.id ?? null, of, said: [said], nodes: [node] };
    drafts.set(node, draft);
    inOrder.push(draft);
    if (tree.withoutId.has(node.id)) repairs.push({ kind: 'id-absent', messageId: node.id });
  }
  const shown = new Set(tree.state);
  const active = new Set<ThreadNode>();
  for (let node = tree.activeLeaf; node !== undefined; node = node.parent) active.add(node);
  const isRemoved = (node: ThreadNode): boolean => active.has(node) && !shown.has(node);
  return {
    messages: inOrder.map((draft) => messageOf(draft, isRemoved)),
    idOf: (node) => drafts.get(node)?.id ?? node.id,
    repairs,
  };
}

function messageOf({ id, parentId, said, nodes }: Draft, isRemoved: (node: ThreadNode) => boolean): Message {
  const [first] = said;
  const [node] = nodes;
  const mark = first?.mark;
  const fields = Object.assign({}, ...said.map((one) => one.fields).reverse()) as SaidMessage['fields'];
  const noted = notes(mark);
  const edited = timeText(nodes.findLast((one) => one.edited !== undefined)?.edited?.time ?? undefined);
  const time = timeText(node?.checkpoint.time ?? undefined) ?? null;
  const { recordId, ...known } = noted;
  const extra = {
    ...(first === undefined ? {} : first.extra),
    ...(said.length > 1 ? restOf(said.slice(1)) : {}),
    ...versionsOf(nodes),
    ...(nodes.some(isRemoved) && { removed: true }),
  };
  const hidden = node?.isInserted === true;
  return {
    id,
    parentId,
    role: roleOf(mark?.['role']) ?? first?.role ?? 'assistant',
    ...fields,
    ...(edited !== undefined && { updatedAt: edited }),
    ...(hidden && { hidden: true as const }),
    createdAt: time,
    ...known,
    parts: said.flatMap(({ parts }) => parts),
    ...((recordId !== undefined || Object.keys(extra).length > 0) && {
      source: { ...(recordId !== undefined && { recordId }), ...(Object.keys(extra).length > 0 && { extra }) },
    }),
  };
}

const notedTexts = [
  'name',
  'recipient',
  'channel',
  'updatedAt',
  'model',
  'endpoint',
  'finishReason',
  'recordId',
] as const;

/** What conversationToThread noted of a message. */
function notes(mark: Fields | undefined): Partial<Message> & { readonly recordId?: string } {
  if (mark === undefined) return {};
  const found: Record<string, Json> = {};
  for (const name of notedTexts) if (typeof mark[name] === 'string') found[name] = mark[name];
  for (const name of ['hidden', 'unfinished', 'failed']) if (mark[name] === true) found[name] = true;
  const { createdAt, tokens, feedback } = mark;
  if (createdAt === null || typeof createdAt === 'string') found['createdAt'] = createdAt;
  if (typeof tokens === 'number') found['tokens'] = tokens;
  if (isFields(feedback)) found['feedback'] = feedback;
  // The fields are those of a message, by name and type; feedback is written from one.
  return found;
}

function roleOf(value: Json | undefined): Role | undefined {
  return value === 'user' || value === 'assistant' || value === 'system' || value === 'tool' ? value : undefined;
}

/** Fields of the second and later pieces, if there are any. */
function restOf(said: readonly SaidMessage[]): Fields {
  const pieces = said.map(({ extra }) => extra);
  return pieces.some((extra) => Object.keys(extra).length > 0) ? { pieces } : {};
}

function versionsOf(nodes: readonly ThreadNode[]): Fields {
  // Values of a thread are JSON.
  const versions = nodes.flatMap((node) => node.versions) as unknown as readonly Json[];
  return versions.length === 0 ? {} : { versions };
}
