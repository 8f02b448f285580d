import type { Conversation, Message } from '../models/conversation.ts';
import { ONYX_ROOT, type OnyxMessageType } from '../models/onyx.ts';
import { analyseTree } from '../tree/analyse-tree.ts';
import { orderTree } from '../tree/order-tree.ts';
import type { Loss } from './loss.ts';

/** A message of the chat to be, made of none, one or several of the source. */
export interface OnyxNode {
  readonly type: OnyxMessageType;
  readonly parent: number | null;
  readonly messages: readonly Message[];
  /** Set for what is put in between. */
  readonly name?: string;
}

interface OpenNode extends OnyxNode {
  readonly messages: Message[];
}

/**
 * The tree that Onyx takes: under one SYSTEM root, without other system messages, and without an answer under an answer.
 *
 * Several first messages become siblings under the root. Where answers follow an answer and cannot be merged into it, they
 * all go under one empty question.
 */
export function conversationToOnyxTree({ messages }: Pick<Conversation, 'messages'>, losses: Loss[]): OnyxNode[] {
  const { parents, roots } = analyseTree(messages);
  const children = new Uint32Array(messages.length);
  for (const parent of parents) if (parent >= 0) children[parent] = (children[parent] ?? 0) + 1;

  const nodes: OpenNode[] = [{ type: 'SYSTEM', parent: null, messages: [], name: ONYX_ROOT }];
  /** The node that each message of the source went to. */
  const nodeOf = new Uint32Array(messages.length);
  const between = new Map<number, number>();
  for (const place of orderTree(parents)) {
    const message = messages[place];
    if (message === undefined) continue;
    const from = parents[place] ?? -1;
    let parent = from < 0 ? 0 : (nodeOf[from] ?? 0);
    if (message.role === 'system') {
      losses.push({ kind: 'system message', messageId: message.id, detail: 'messages' });
      nodeOf[place] = parent;
      continue;
    }
    const type = message.role === 'user' ? 'USER' : 'ASSISTANT';
    const above = nodes[parent];
    if (type === 'ASSISTANT' && above?.type === 'ASSISTANT') {
      losses.push({ kind: 'answer under answer', messageId: message.id, detail: 'messages.parentId' });
      const isDirect = above.messages.at(-1) === messages[from];
      if (isDirect && children[from] === 1) {
        above.messages.push(message);
        nodeOf[place] = parent;
        continue;
      }
      let question = between.get(parent);
      if (question === undefined) {
        const name = `${above.messages[0]?.id ?? ''}#between`;
        question = nodes.push({ type: 'USER', parent, messages: [], name }) - 1;
        between.set(parent, question);
      }
      parent = question;
    }
    nodeOf[place] = nodes.push({ type, parent, messages: [message] }) - 1;
  }
  if (roots.length > 1) losses.push({ kind: 'several first messages', detail: 'messages.parentId' });
  return nodes;
}
