import type { Json } from '../json.ts';

/**
 * One chat as Onyx keeps it: a session, one SYSTEM root, and the whole tree below it.
 *
 * Messages point at each other by their place in `messages`; parents stand before their children and siblings in the order
 * of time, so ids given out in this order grow as Onyx's own do. Times are whole microseconds since 1970.
 */
export interface OnyxChat {
  readonly sessionId: string;
  readonly title: string | null;
  readonly timeCreated: number;
  readonly timeUpdated: number;
  /** The owner's project it goes into, by name. Onyx shows such a chat under its project only. */
  readonly project: string | null;
  readonly messages: readonly OnyxMessage[];
}

export type OnyxMessageType = 'SYSTEM' | 'USER' | 'ASSISTANT';

export interface OnyxMessage {
  /** The source's message; for what the import puts in itself (root, turns in between, continuations) a name with `#`. */
  readonly sourceId: string;
  readonly parent: number | null;
  /** The child on the branch that is shown. Null on leaves only. */
  readonly latestChild: number | null;
  readonly type: OnyxMessageType;
  readonly text: string;
  readonly tokens: number;
  readonly timeSent: number;
  readonly reasoning: string | null;
  readonly model: string | null;
  readonly error: string | null;
  readonly toolCalls: readonly OnyxToolCall[];
  /** What `[[1]](…)`, `[[2]](…)` in the text stand for, in that order. */
  readonly documents: readonly OnyxDocument[];
  /** What a question brings along. Onyx shows no files of answers. */
  readonly files: readonly OnyxFile[];
  readonly feedback: OnyxFeedback | null;
}

/** A file of a question, before it is uploaded. */
export interface OnyxFile {
  /** The conversation's file; none for a text that was too long for its message. */
  readonly fileId: string | null;
  readonly name: string;
  readonly mediaType: string | null;
  /** The text to make a file of, where that is all there is. */
  readonly text: string | null;
}

export interface OnyxToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: { readonly [name: string]: Json };
  readonly response: string;
  readonly reasoning: string | null;
  /** From 0; a thought before a call takes a turn of its own. */
  readonly turn: number;
  readonly tokens: number;
}

export interface OnyxDocument {
  readonly url: string;
  readonly title: string;
  readonly text: string;
}

export interface OnyxFeedback {
  readonly isPositive: boolean | null;
  readonly tag: string | null;
  readonly text: string | null;
}

/** The `sourceId` of the SYSTEM message that every chat begins with. */
export const ONYX_ROOT = '#root';

/**
 * What Onyx could not show or go on with: every rule its tree has to keep, broken or not. Empty when the chat is sound.
 *
 * One SYSTEM root without text; parents before children; times that grow along every path; no answer directly under an
 * answer; the shown child is a child, and is missing on leaves only.
 *
 * @see Onyx at a7d66a8b778c (2026-08), what its chat functions and its browser do with such rows
 */
export function onyxProblems({ messages }: Pick<OnyxChat, 'messages'>): string[] {
  const problems: string[] = [];
  const hasChild = new Set(messages.map(({ parent }) => parent));
  for (const [place, { parent, latestChild, type, text, timeSent }] of messages.entries()) {
    const say = (problem: string): void => void problems.push(`message ${place}: ${problem}`);
    const above = parent === null ? undefined : messages[parent];
    if (place === 0) {
      if (parent !== null || type !== 'SYSTEM' || text !== '') say('is not an empty SYSTEM root');
    } else if (parent === null || above === undefined) say('has no parent');
    else if (type === 'SYSTEM') say('is a second SYSTEM message');
    else {
      if (parent >= place) say('stands before its parent');
      if (type === 'ASSISTANT' && above.type === 'ASSISTANT') say('is an answer to an answer');
      if (timeSent <= above.timeSent) say('is not later than its parent');
    }
    if (latestChild === null ? hasChild.has(place) : messages[latestChild]?.parent !== place)
      say('does not show one of its children');
  }
  if (messages.length === 0) problems.push('no messages: not even a root');
  return problems;
}
