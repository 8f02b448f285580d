import type { Json } from '../json.ts';
import type { Feedback, Message } from '../models/conversation.ts';
import { listOf } from '../models/extended-json.ts';
import { dateOf, isFiner, NO_PARENT, objectId } from './conversation-to-librechat-ids.ts';
import type { Fields } from './conversation-to-librechat-marks.ts';
import { partsToLibrechat, type PartsScope } from './conversation-to-librechat-parts.ts';

/** What a message has to know of its conversation. */
export interface MessageScope extends Omit<PartsScope, 'messageId'> {
  readonly userId: string;
  /** What ids are made of where there are none. */
  readonly key: string;
  readonly place: number;
}

/** Members that the mended tree has settled otherwise than the source had them. */
const settled = ['messageId', 'parentMessageId', 'conversationId', 'user', 'isCreatedByUser', 'createdAt', 'updatedAt'];

/** A message as LibreChat's document. */
export function messageToLibrechat(message: Message, scope: MessageScope): Fields {
  const { id, parentId, role, name, createdAt, updatedAt, model, endpoint, tokens, finishReason, feedback } = message;
  const { contentHoles, ...kept } = message.source?.extra ?? {};
  const extra: Record<string, Json> = { ...kept };
  for (const field of settled) {
    if (!(field in extra)) continue;
    scope.lose('repaired', `messages.${field}`);
    delete extra[field];
  }
  if (role === 'system' || role === 'tool') scope.lose('role', `a message of the ${role} as an answer`);
  if (message.hidden === true) scope.lose('hidden', 'a hidden message, which is shown now');
  for (const field of ['recipient', 'channel'] as const)
    if (message[field] !== undefined) scope.lose('field', `messages.${field}`);
  if (isFiner(createdAt) || isFiner(updatedAt)) scope.lose('time', 'messages: microseconds');
  const created = dateOf(createdAt);
  return {
    _id: objectId(message.source?.recordId, { time: createdAt, name: `${scope.key} ${id}`, place: scope.place }),
    messageId: id,
    parentMessageId: parentId ?? NO_PARENT,
    conversationId: scope.conversationId,
    user: scope.userId,
    isCreatedByUser: role === 'user',
    ...(name !== undefined && { sender: name }),
    ...(model !== undefined && { model }),
    ...(endpoint !== undefined && { endpoint }),
    ...(tokens !== undefined && { tokenCount: tokens }),
    ...(finishReason !== undefined && { finish_reason: finishReason }),
    ...(feedback !== undefined && { feedback: feedbackOf(feedback) }),
    unfinished: message.unfinished === true,
    error: message.failed === true,
    ...saidIn(message, contentHoles, { ...scope, messageId: id }),
    ...(created !== undefined && { createdAt: created }),
    ...dateField('updatedAt', updatedAt),
    _meiliIndex: false,
    __v: 0,
    ...extra,
  };
}

function dateField(name: string, time: string | undefined): Fields {
  const date = dateOf(time);
  return date === undefined ? {} : { [name]: date };
}

/**
 * What is said goes into `text` where that is all there is, as for a question; else part by part into `content`. Empty words
 * are a part: an empty `text` says nothing and would be read as none.
 */
function saidIn(message: Message, holes: Json | undefined, scope: PartsScope): Fields {
  const isText = (place: number): boolean => {
    const part = message.parts[place];
    if (part?.type === 'error') return part.sourceType === 'text' && part.text !== '';
    return part?.type === 'text' && part.text !== '' && Object.keys(part).length === 2;
  };
  const [first, ...others] = message.parts;
  const isPlain =
    isText(0) &&
    !(message.failed === true && first?.type === 'text') &&
    holes === undefined &&
    message.source?.extra?.['text'] === undefined;
  const placed = partsToLibrechat(isPlain ? others : message.parts, scope);
  const lists = {
    ...(placed.files.length > 0 && { files: placed.files }),
    ...(placed.attachments.length > 0 && { attachments: placed.attachments }),
  };
  if (isPlain && placed.content.length === 0 && first !== undefined && 'text' in first)
    return { text: first.text ?? '', ...lists };
  const whole = partsToLibrechat(message.parts, { ...scope, lose: () => undefined }).content;
  const content = [...whole];
  for (const hole of listOf(holes) ?? []) content.splice(Number(hole), 0, null);
  return { text: '', ...(content.length > 0 && { content }), ...lists };
}

function feedbackOf({ rating, tag, text, extra }: Feedback): Fields {
  return {
    ...(rating !== null && { rating: rating === 'up' ? 'thumbsUp' : 'thumbsDown' }),
    ...(tag !== undefined && { tag }),
    ...(text !== undefined && { text }),
    ...extra,
  };
}
