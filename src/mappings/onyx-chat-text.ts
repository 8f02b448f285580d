import type { OnyxChat, OnyxMessage } from '../models/onyx.ts';

/**
 * All of a chat as one text: two chats have the same one when nothing in them differs, so that a digest of it tells.
 *
 * It is JSON with the texts' lengths in place of the texts, and these behind it: as JSON they would be most of the work.
 */
export function onyxChatText(chat: OnyxChat): string {
  const head = JSON.stringify({ ...chat, messages: chat.messages.map(withoutText) });
  return [head, ...chat.messages.map(({ text }) => text)].join('\n');
}

/** All that a message has: the compiler sees to it that nothing is left out. */
function withoutText(message: OnyxMessage): Readonly<Record<keyof OnyxMessage, unknown>> {
  // Field by field: spreading takes several times as long.
  return {
    text: message.text.length,
    reasoning: message.reasoning,
    toolCalls: message.toolCalls,
    documents: message.documents,
    files: message.files,
    sourceId: message.sourceId,
    type: message.type,
    tokens: message.tokens,
    model: message.model,
    error: message.error,
    feedback: message.feedback,
    parent: message.parent,
    latestChild: message.latestChild,
    timeSent: message.timeSent,
  };
}
