import type { OnyxChat, OnyxFile, OnyxMessage } from '../models/onyx.ts';

/**
 * Texts up to this size always fit Onyx's search column, whose words and their places may take 1,048,575 bytes: texts of
 * 400 KB fitted with every kind of words tried, of 700 KB not with all.
 */
export const safeTextBytes = 300_000;

/** Cuts a text into pieces of at most `maxBytes` of UTF-8, at ends of lines or words where there are any in the last half. */
export function cutText(text: string, maxBytes = safeTextBytes): string[] {
  const bytes = Buffer.from(text.toWellFormed());
  const pieces: string[] = [];
  let from = 0;
  while (bytes.length - from > maxBytes) {
    const to = from + cutAt(bytes.subarray(from, from + maxBytes + 1), maxBytes);
    pieces.push(bytes.toString('utf8', from, to));
    from = to;
  }
  pieces.push(bytes.toString('utf8', from));
  return pieces;
}

function cutAt(window: Buffer, maxBytes: number): number {
  for (const mark of [0x0a, 0x20]) {
    const at = window.lastIndexOf(mark, maxBytes - 1) + 1;
    if (at > maxBytes / 2) return at;
  }
  let at = maxBytes;
  // Not between the bytes of one character: those after the first are 10xxxxxx.
  while (at > 1 && ((window[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}

/**
 * The chat with one message's text spread over several messages below one another.
 *
 * A question goes on in questions; an answer goes on in answers with an empty question before each. What followed the
 * message follows the last piece. Tool calls, thought, citations, files and tokens stay with the first, feedback too.
 */
export function splitOnyxMessage(chat: OnyxChat, place: number, pieces: readonly string[]): OnyxChat {
  const whole = chat.messages[place];
  const [first, ...more] = pieces;
  if (whole === undefined || first === undefined || more.length === 0) return chat;
  const isAnswer = whole.type === 'ASSISTANT';
  const added = more.flatMap((text, piece): Pick<OnyxMessage, 'type' | 'text' | 'sourceId'>[] => {
    const sourceId = `${whole.sourceId}#${piece + 2}`;
    const next = { type: whole.type, text, sourceId };
    return isAnswer ? [{ type: 'USER', text: '', sourceId: `${sourceId}-between` }, next] : [next];
  });
  const shift = added.length;
  const moved = (at: number): number => (at > place ? at + shift : at);
  const parentOf = (at: number): number => (at === place ? place + shift : moved(at));
  const messages = chat.messages.map((message) => ({
    ...message,
    parent: message.parent === null ? null : parentOf(message.parent),
    latestChild: message.latestChild === null ? null : moved(message.latestChild),
  }));
  const chain = added.map((piece, index): OnyxMessage => {
    const at = place + 1 + index;
    const isLast = index === added.length - 1;
    return {
      ...whole,
      ...piece,
      parent: at - 1,
      latestChild: isLast ? (messages[place]?.latestChild ?? null) : at + 1,
      tokens: Math.ceil(Buffer.byteLength(piece.text) / 4),
      timeSent: whole.timeSent + index + 1,
      reasoning: null,
      model: isAnswer && piece.type === 'ASSISTANT' ? whole.model : null,
      error: null,
      toolCalls: [],
      documents: [],
      files: [],
      feedback: null,
    };
  });
  const head = { ...(messages[place] as OnyxMessage), text: first, latestChild: place + 1 };
  const tokens = Math.min(head.tokens, Math.ceil(Buffer.byteLength(first) / 4));
  const all = [...messages.slice(0, place), { ...head, tokens }, ...chain, ...messages.slice(place + 1)];
  return { ...chat, messages: laterThanParents(all) };
}

const cutNote = '\n\n[The text goes on in the attached file ';

/**
 * The chat with one message's text cut, and the whole of it as a file: of the question itself, or of the one an answer stands
 * under. Undefined where there is no question to attach it to.
 */
export function cutOnyxMessage(chat: OnyxChat, place: number, pieces: readonly string[]): OnyxChat | undefined {
  const whole = chat.messages[place];
  const [first] = pieces;
  if (whole === undefined || first === undefined || pieces.length === 1) return chat;
  const holder = whole.type === 'USER' ? place : whole.parent;
  if (holder === null || chat.messages[holder]?.type !== 'USER') return undefined;
  const name = `${whole.type === 'USER' ? 'question' : 'answer'}-${whole.sourceId.replace(/[^A-Za-z0-9-]+/g, '_').slice(0, 80)}.txt`;
  const file: OnyxFile = { fileId: null, name, mediaType: 'text/plain', text: pieces.join('') };
  const messages = chat.messages.map((message, at) => {
    const text = at === place ? `${first}${cutNote}${name}]` : message.text;
    const files = at === holder ? [...message.files, file] : message.files;
    return { ...message, text, files };
  });
  return { ...chat, messages };
}

function laterThanParents(messages: readonly OnyxMessage[]): OnyxMessage[] {
  const later: OnyxMessage[] = [];
  for (const message of messages) {
    const earliest = message.parent === null ? message.timeSent : (later[message.parent]?.timeSent ?? 0) + 1;
    later.push(message.timeSent >= earliest ? message : { ...message, timeSent: earliest });
  }
  return later;
}
