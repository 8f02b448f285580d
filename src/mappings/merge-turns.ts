import type { Part, ToolResultPart } from '../models/conversation-parts.ts';
import type { Conversation, Message } from '../models/conversation.ts';
import { treeOf } from '../tree/conversation-tree.ts';

/**
 * Joins the messages of each turn: an assistant's, and the tools' between them, become one message of the assistant.
 *
 * Messages are joined down to where a branch begins, a user speaks, or what is shown turns into what is hidden. The first
 * gives id, parent and time, the last what it ended with; results of tools follow their calls. What the other messages have
 * of their own is in `source.extra.merged`, verbatim. Other conversations come back as they are.
 */
export function mergeConversationTurns(conversation: Conversation): Conversation {
  const { messages } = conversation;
  const children = new Map<string, number>();
  for (const { parentId } of messages) if (parentId !== null) children.set(parentId, (children.get(parentId) ?? 0) + 1);
  /** The turn that each message is in, by the message's id. */
  const turns = new Map<string, Message[]>();
  const inOrder: Message[][] = [];
  for (const message of messages) {
    const above = message.parentId === null ? undefined : turns.get(message.parentId);
    const last = above?.at(-1);
    if (above !== undefined && last !== undefined && isJoined(last, message) && children.get(last.id) === 1) {
      above.push(message);
      turns.set(message.id, above);
      continue;
    }
    const turn = [message];
    inOrder.push(turn);
    turns.set(message.id, turn);
  }
  if (inOrder.length === messages.length) return conversation;
  const idOf = (id: string): string => turns.get(id)?.[0]?.id ?? id;
  const merged = inOrder.map((turn) => {
    const message = turn.length === 1 ? turn[0] : mergeTurn(turn);
    if (message === undefined) return [];
    const { parentId } = message;
    return [parentId === null || idOf(parentId) === parentId ? message : { ...message, parentId: idOf(parentId) }];
  });
  const list = merged.flat();
  // Other writers may leave the tree out.
  const tree = conversation.tree as Conversation['tree'] | undefined;
  const leaf = tree?.activeLeaf;
  const activeLeaf = leaf === undefined || leaf === null ? leaf : idOf(leaf);
  const repairs = tree?.repairs.map((repair) =>
    repair.messageId === undefined ? repair : { ...repair, messageId: idOf(repair.messageId) },
  );
  return {
    ...conversation,
    messages: list,
    tree: treeOf(list, { repairs, missingParentIds: tree?.missingParentIds, activeLeaf }),
  };
}

function isJoined(above: Message, below: Message): boolean {
  const speaks = ({ role }: Message): boolean => role === 'assistant' || role === 'tool';
  return speaks(above) && speaks(below) && above.hidden === below.hidden;
}

function mergeTurn(turn: readonly Message[]): Message | undefined {
  const [first, ...others] = turn;
  if (first === undefined) return undefined;
  const last = turn.at(-1) ?? first;
  const speaker = turn.find(({ role }) => role === 'assistant');
  const latest = <K extends keyof Message>(name: K): Message[K] | undefined =>
    turn.findLast((message) => message[name] !== undefined)?.[name];
  const counted = turn.flatMap(({ tokens }) => tokens ?? []);
  const fields = {
    name: speaker?.name,
    recipient: undefined,
    channel: last.channel,
    updatedAt: last.updatedAt ?? last.createdAt ?? undefined,
    model: latest('model'),
    endpoint: latest('endpoint'),
    tokens: counted.length === 0 ? undefined : counted.reduce((sum, tokens) => sum + tokens, 0),
    finishReason: last.finishReason,
    feedback: latest('feedback'),
    unfinished: last.unfinished,
    failed: last.failed,
  };
  const { recipient: _, channel: __, finishReason: ___, unfinished: ____, failed: _____, ...base } = first;
  const merged = others.map(({ parts: ______, ...rest }) => rest);
  const message = {
    ...base,
    role: speaker === undefined ? first.role : ('assistant' as const),
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    parts: answersBehindCalls(turn.flatMap((one) => partsOf(one, speaker?.name))),
    source: { ...first.source, extra: { ...first.source?.extra, merged } },
  };
  // The fields are those of messages.
  return message as unknown as Message;
}

/** Of several assistants in a turn, each part says whose it is. */
function partsOf({ role, name, parts }: Message, speaker: string | undefined): readonly Part[] {
  if (role !== 'assistant' || name === undefined || name === speaker) return parts;
  return parts.map((part) => (part.agentId === undefined ? { ...part, agentId: name } : part));
}

/** Moves each result behind its call: the first of its id without one. Results without a call stay where they are. */
function answersBehindCalls(parts: readonly Part[]): readonly Part[] {
  const open = new Map<string, number[]>();
  const answers = new Map<number, ToolResultPart>();
  const moved = new Set<number>();
  for (const [place, part] of parts.entries()) {
    if (part.type === 'toolCall' && part.id !== null) open.set(part.id, [...(open.get(part.id) ?? []), place]);
    if (part.type !== 'toolResult' || part.callId === null) continue;
    const call = open.get(part.callId)?.shift();
    if (call === undefined) continue;
    answers.set(call, part);
    moved.add(place);
  }
  return parts.flatMap((part, place) => {
    const answer = answers.get(place);
    if (answer !== undefined) return [part, answer];
    return moved.has(place) ? [] : [part];
  });
}
