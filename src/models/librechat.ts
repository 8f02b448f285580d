import type { Document } from './extended-json.ts';

/**
 * What belongs to one LibreChat conversation, brought together: the documents as Extended JSON or plain values, whatever
 * their state.
 *
 * @see LibreChat 0.8 `packages/data-schemas/src/schema` for the stored fields
 */
export interface LibrechatChat {
  /** Hex of the owner's `_id`; empty when the documents name nobody. */
  readonly userId: string;
  /** Null when the documents carry none (absent, null or empty). */
  readonly conversationId: string | null;
  /** The owner's document; null when the account is gone. */
  readonly user: Document | null;
  /** Null when messages were left without their conversation. */
  readonly conversation: Document | null;
  /** Further documents of the same id and owner, where the database has no unique index. */
  readonly copies?: readonly Document[];
  readonly messages: readonly Document[];
  /** File documents that the messages or the conversation name, in any order; `file_id` need not be unique. */
  readonly files: readonly Document[];
}

/** What LibreChat, its importers and the assistants era wrote as the parent of a first message. */
export function isRootMarker(parentMessageId: string | undefined): boolean {
  return (
    parentMessageId === undefined ||
    parentMessageId === '' ||
    parentMessageId === '00000000-0000-0000-0000-000000000000' ||
    parentMessageId === '00000000-0000-4000-8000-000000000000'
  );
}

/** Fields of a conversation that say how the next answer is made; they have the same names in presets. */
export const librechatSettings: ReadonlySet<string> = new Set([
  'endpointType',
  'region',
  'chatGptLabel',
  'examples',
  'modelLabel',
  'temperature',
  'top_p',
  'topP',
  'topK',
  'maxOutputTokens',
  'maxTokens',
  'max_tokens',
  'maxContextTokens',
  'presence_penalty',
  'frequency_penalty',
  'file_ids',
  'resendImages',
  'resendFiles',
  'imageDetail',
  'promptCache',
  'promptCacheTtl',
  'thinking',
  'thinkingBudget',
  'thinkingLevel',
  'effort',
  'system',
  'assistant_id',
  'instructions',
  'stop',
  'iconURL',
  'greeting',
  'spec',
  'tools',
  'useResponsesApi',
  'web_search',
  'url_context',
  'disableStreaming',
  'fileTokenLimit',
  'reasoning_effort',
  'reasoning_summary',
  'reasoning_mode',
  'reasoning_context',
  'verbosity',
  'codeApprovalMode',
  'codeEnvironmentMode',
  'codeWorkspaces',
]);

/** Deleted after a while: by the flag of newer versions, else by the date. */
export function isTemporary({ isTemporary: flag, expiredAt }: Document): boolean {
  if (typeof flag === 'boolean') return flag;
  return expiredAt !== undefined && expiredAt !== null;
}
