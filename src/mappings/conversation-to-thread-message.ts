import type { Json } from '../json.ts';
import type { Part, ToolCallPart, ToolResultPart } from '../models/conversation-parts.ts';
import type { Message, Role } from '../models/conversation.ts';
import { partToBlock, type Lose } from './conversation-to-thread-blocks.ts';
import { callFields, callOf, type Call } from './conversation-to-thread-calls.ts';
import type { Loss } from './loss.ts';
import { isFields, type Fields } from './thread-to-conversation-forms.ts';
import { MESSAGE_MARK } from './thread-to-conversation-message.ts';

type Kind = 'human' | 'ai' | 'system' | 'tool';

const kinds: Readonly<Record<Role, Kind>> = { user: 'human', assistant: 'ai', system: 'system', tool: 'tool' };

/** A message of the thread in the making. */
interface Piece {
  readonly kind: Kind;
  /** Content and calls, in their order. */
  readonly said: (Fields | ToolCallPart)[];
  readonly result?: ToolResultPart;
}

/**
 * A message as the messages of a thread that it takes: an answer that calls tools becomes one message for each round of calls,
 * and one for each tool's answer.
 *
 * Each says in `additional_kwargs` which message it is of; the first one also holds what LangChain has no field for, the time
 * among it.
 *
 * @param isNative The message was read from a thread: `extra` holds that thread's own fields.
 */
export function messageToThread(message: Message, isNative: boolean, losses: Loss[]): readonly Fields[] {
  const { id: messageId, role } = message;
  const lose: Lose = (kind, detail = 'messages.parts') => void losses.push({ kind, messageId, detail });
  const [thought] = message.parts;
  // Some providers' integrations keep it beside the content.
  const isBeside = isNative && thought?.type === 'reasoning' && thought.sourceType === 'reasoning_content';
  const pieces = piecesOf(isBeside ? message.parts.slice(1) : message.parts, kinds[role], isNative, lose);
  const first = pieces[0]?.kind;
  const lastAnswer = pieces.findLastIndex(({ kind, result }) => kind === 'ai' && result === undefined);
  const extra = nativeExtra(message, isNative, losses);
  return pieces.map((piece, index) => {
    const isFirst = index === 0;
    const mark: Record<string, Json> = { of: messageId, ...(isNative && { native: true }) };
    if (isFirst) Object.assign(mark, notesOf(message, lastAnswer < 0), first === kinds[role] ? {} : { role });
    const made = pieceToMessage(piece, isNative, mark, lose);
    const own = isFirst ? extra : {};
    const response = {
      ...fieldsOf(own['response_metadata']),
      ...(index === lastAnswer && responseOf(message)),
    };
    const { additional_kwargs: kwargs, ...fields } = made;
    return {
      ...own,
      ...fields,
      ...(typeof own['type'] === 'string' && { type: own['type'] }),
      id: isFirst ? messageId : `${messageId}/${index + 1}`,
      additional_kwargs: {
        ...fieldsOf(own['additional_kwargs']),
        ...(isFirst && isBeside && { reasoning_content: thought.text }),
        ...fieldsOf(kwargs),
        [MESSAGE_MARK]: mark,
      },
      response_metadata: response,
    };
  });
}

/** Cuts a message where a tool answered. */
function piecesOf(parts: readonly Part[], kind: Kind, isNative: boolean, lose: Lose): readonly Piece[] {
  const pieces: Piece[] = [];
  let open: Piece | undefined;
  const say = (said: Fields | ToolCallPart): void => {
    if (open === undefined) pieces.push((open = { kind, said: [] }));
    open.said.push(said);
  };
  for (const part of parts) {
    losePartFields(part, isNative, lose);
    if (part.type === 'toolResult') {
      if (isNative && part.sourceType !== undefined) {
        say({ type: part.sourceType, tool_use_id: part.callId, content: part.output, ...part.extra });
        continue;
      }
      pieces.push({ kind: 'tool', said: [], result: part });
      open = undefined;
    } else if (part.type === 'toolCall') {
      if (kind !== 'ai') lose('call of a tool by another');
      else if (isNative && part.sourceType !== undefined && part.sourceType !== 'invalid_tool_call')
        say({ type: part.sourceType, id: part.id, name: part.name, input: part.arguments, ...part.extra });
      else say(part);
    } else if (part.type === 'reasoning' && kind !== 'ai') lose('reasoning of another');
    else {
      const block = partToBlock(part, isNative, lose);
      if (block !== undefined) say(block);
    }
  }
  return pieces.length > 0 ? pieces : [{ kind, said: [] }];
}

function losePartFields(part: Part, isNative: boolean, lose: Lose): void {
  if (part.agentId !== undefined || part.groupId !== undefined) lose('who said it');
  if (isNative) return;
  if (part.extra !== undefined) lose('field', 'messages.parts.extra');
  if (part.sourceType !== undefined && part.type !== 'other') lose('field', 'messages.parts.sourceType');
}

function pieceToMessage(piece: Piece, isNative: boolean, mark: Record<string, Json>, lose: Lose): Fields {
  if (piece.result !== undefined) return toolMessage(piece.result, isNative, mark);
  const { kind, said } = piece;
  const calls = said.filter(isCall).map((call, index) => callOf(call, `${String(mark['of'])}/call-${index + 1}`, lose));
  const blocks = contentBlocks(said, calls);
  const [only] = blocks;
  const isPlain = blocks.length === 1 && isFields(only) && only['type'] === 'text' && Object.keys(only).length === 2;
  const text = isPlain ? only['text'] : undefined;
  if (kind === 'tool') mark['plain'] = true;
  return {
    type: kind,
    content: typeof text === 'string' && text !== '' ? text : blocks.length === 0 ? '' : blocks,
    ...(kind === 'tool' && { tool_call_id: mark['of'] ?? '' }),
    ...callFields(calls, kind === 'ai', isNative && typeof mark['of'] === 'string'),
  };
}

/** The content; calls stand in it only where the order would be lost otherwise: behind all of it, broken ones last. */
function contentBlocks(said: readonly (Fields | ToolCallPart)[], calls: readonly Call[]): readonly Json[] {
  const firstCall = said.findIndex(isCall);
  const firstBroken = calls.findIndex(({ args }) => args === undefined);
  const isLast = firstCall < 0 || said.slice(firstCall).every(isCall);
  const isSorted = firstBroken < 0 || calls.slice(firstBroken).every(({ args }) => args === undefined);
  let next = 0;
  return said.flatMap((one): readonly Json[] => {
    if (!isCall(one)) return [one];
    const call = calls[next++];
    if ((isLast && isSorted) || call === undefined) return [];
    return [{ type: 'tool_call', id: call.id, name: call.name, args: call.args ?? call.text ?? '' }];
  });
}

function toolMessage(part: ToolResultPart, isNative: boolean, mark: Record<string, Json>): Fields {
  const { callId, name, output, failed, extra } = part;
  if (callId === null) mark['withoutCall'] = true;
  const isContent = typeof output === 'string' || (isNative && Array.isArray(output));
  if (!isContent) mark['json'] = true;
  return {
    type: 'tool',
    content: isContent ? output : JSON.stringify(output),
    tool_call_id: callId ?? String(mark['of']),
    ...(name !== undefined && { name }),
    status: failed === true ? 'error' : 'success',
    ...(isNative && extra?.['artifact'] !== undefined && { artifact: extra['artifact'] }),
    additional_kwargs: {},
  };
}

/** What LangChain's messages have no field for. */
function notesOf(message: Message, withoutAnswer: boolean): Fields {
  const { createdAt, source, model, finishReason, feedback } = message;
  const { updatedAt, name, recipient, channel, hidden, endpoint, tokens, unfinished, failed } = message;
  const notes: Record<string, Json | undefined> = {
    createdAt,
    ...{ updatedAt, name, recipient, channel, hidden, endpoint, tokens, unfinished, failed },
    // Feedback is JSON.
    feedback: feedback as Json | undefined,
    recordId: source?.recordId,
    ...(withoutAnswer && { model, finishReason }),
  };
  return Object.fromEntries(Object.entries(notes).filter(([, value]) => value !== undefined)) as Fields;
}

function responseOf({ model, finishReason }: Message): Fields {
  return {
    ...(model !== undefined && { model_name: model }),
    ...(finishReason !== undefined && { finish_reason: finishReason }),
  };
}

function nativeExtra({ id: messageId, source }: Message, isNative: boolean, losses: Loss[]): Fields {
  const { extra } = source ?? {};
  if (extra === undefined) return {};
  const { versions, removed, pieces, ...fields } = extra;
  const isLost = !isNative || versions !== undefined || removed !== undefined || pieces !== undefined;
  if (isLost) losses.push({ kind: 'field', messageId, detail: 'messages.source.extra' });
  return isNative ? fields : {};
}

function isCall(said: Fields | ToolCallPart): said is ToolCallPart {
  return said['type'] === 'toolCall';
}

function fieldsOf(value: Json | undefined): Fields {
  return isFields(value) ? value : {};
}
