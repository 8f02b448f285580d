import type { Json } from '../json.ts';

/** What any part may say about itself. */
interface PartBase {
  /** Which of several agents or models that share the message said it. */
  readonly agentId?: string;
  /** Parts of one group stand side by side: answers of several models to one question. */
  readonly groupId?: number | string;
  /** The source's name for it, where the part's own type does not tell. */
  readonly sourceType?: string;
  /** The source's other fields, verbatim. */
  readonly extra?: { readonly [name: string]: Json };
}

export interface TextPart extends PartBase {
  readonly type: 'text';
  readonly text: string;
  /** Said by somebody else than the message's role: what the user threw in while the answer was being made. */
  readonly role?: 'user' | 'system';
}

export interface ReasoningPart extends PartBase {
  readonly type: 'reasoning';
  readonly text: string;
  readonly label?: string;
}

export interface ToolCallPart extends PartBase {
  readonly type: 'toolCall';
  /** The provider's id. Not unique: providers repeat them. */
  readonly id: string | null;
  readonly name: string;
  /** As the source has them: JSON text, which may be cut short, or a value. */
  readonly arguments: Json;
}

/** What a tool gave back. In systems with calls and results in one message it follows its call directly. */
export interface ToolResultPart extends PartBase {
  readonly type: 'toolResult';
  readonly callId: string | null;
  readonly name?: string;
  readonly output: Json;
  readonly failed?: true;
}

export interface FilePart extends PartBase {
  readonly type: 'file';
  /** A file of the conversation's `files`. */
  readonly fileId?: string;
  readonly name?: string;
  readonly mediaType?: string;
  /** A link, or the bytes themselves as a `data:` URI. */
  readonly url?: string;
  /** The tool call that made it. */
  readonly callId?: string;
}

/** What an answer rests on. Marks in the text point here by `turn` and the place in the list. */
export interface CitationPart extends PartBase {
  readonly type: 'citation';
  readonly callId?: string;
  readonly turn?: number;
  readonly sources: readonly CitationSource[];
}

export interface CitationSource {
  /** The source's list it stands in: organic, topStories, news … */
  readonly list?: string;
  readonly title?: string;
  readonly url?: string;
  readonly text?: string;
  readonly fileId?: string;
  readonly extra?: { readonly [name: string]: Json };
}

export interface ErrorPart extends PartBase {
  readonly type: 'error';
  readonly text: string;
}

/** Anything else, verbatim. */
export interface OtherPart extends PartBase {
  readonly type: 'other';
  readonly sourceType: string;
  /** What a reader may be shown, if there is anything. */
  readonly text?: string;
  readonly value: Json;
}

/** A piece of a message, in its order. */
export type Part =
  | TextPart
  | ReasoningPart
  | ToolCallPart
  | ToolResultPart
  | FilePart
  | CitationPart
  | ErrorPart
  | OtherPart;
