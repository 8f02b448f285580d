import { canonicalJson } from '../canonical-json.ts';
import type { Json } from '../json.ts';
import { cutOnyxMessage, cutText, safeTextBytes, splitOnyxMessage } from '../mappings/conversation-to-onyx-split.ts';
import type { FileRecord } from '../models/conversation.ts';
import type { OnyxChat, OnyxMessage } from '../models/onyx.ts';
import type { OnyxDatabase } from '../sinks/onyx/generation.ts';
import { textFile } from '../sinks/onyx/text-file.ts';
import { expectedCalls } from './onyx-verify-calls.ts';
import type { StoredChat, StoredMessage } from './onyx-verify-rows.ts';
import { digestOf, plain } from './onyx-verify-values.ts';

/** What kind of thing is not as it was imported. */
export type OnyxDifferenceKind = 'missing' | 'deleted' | 'chat' | 'message' | 'message-missing' | 'message-added';

/** One row that is not as it should be. */
export interface OnyxDifference {
  readonly kind: OnyxDifferenceKind;
  readonly key: string;
  readonly sessionId: string | null;
  /** The message's id in Onyx, when it is about one. */
  readonly messageId: number | null;
  /** The message's id in the source; null for one that Onyx has made since. */
  readonly sourceId: string | null;
  /** What differs: names of fields. Never their content. */
  readonly fields: readonly string[];
}

/** One second: chats of one owner are that far apart at most when their times would be equal. */
const tieMicros = 1_000_000;

/** Compares a chat as the source gives it with what Onyx holds. */
export function compareOnyxChat(
  planned: {
    readonly chat: OnyxChat;
    readonly email: string | undefined;
    readonly persona: number | undefined;
    /** The conversation's. */
    readonly files: readonly FileRecord[];
  },
  stored: StoredChat,
  database: OnyxDatabase,
): OnyxDifference[] {
  const { key, sessionId, session, messages, written } = stored;
  const difference = (
    kind: OnyxDifferenceKind,
    fields: readonly string[],
    messageId: number | null = null,
    sourceId: string | null = null,
  ): OnyxDifference => ({ kind, key, sessionId, messageId, sourceId, fields });
  if (session === undefined || session.deleted) return [difference('deleted', [])];
  const chat = fitted(planned.chat, stored);
  const found: OnyxDifference[] = [];
  const wrong = differing([
    ['title', plain(chat.title), session.title],
    ['timeCreated', chat.timeCreated, session.created],
    ['timeUpdated', session.updated >= chat.timeUpdated && session.updated < chat.timeUpdated + tieMicros, true],
    ['owner', planned.email?.toLowerCase() ?? null, session.email],
    ['project', database.generation === 'A' ? null : plain(chat.project), session.project],
    // What an import did not note is at least something, else the chat does not open.
    ['persona', planned.persona ?? session.persona ?? 'some', session.persona],
    ['shared status', 'PRIVATE', session.shared],
    ...unset(session.set),
  ]);
  if (wrong.length > 0) found.push(difference('chat', wrong));

  const byId = new Map(messages.map((message) => [message.id, message]));
  const rowOf = new Map([...written].map(([id, { sourceId }]) => [sourceId, id]));
  const nameOf = (id: number | null): string | null =>
    id === null ? null : (written.get(id)?.sourceId ?? `row ${id}`);
  const nameAt = (place: number | null): string | null =>
    place === null ? null : (plain(chat.messages[place]?.sourceId ?? null) ?? null);
  let last = 0;
  for (const message of chat.messages) {
    const sourceId = plain(message.sourceId) ?? '';
    const id = rowOf.get(sourceId);
    const row = id === undefined ? undefined : byId.get(id);
    if (id === undefined || row === undefined) {
      found.push(difference('message-missing', [], id ?? null, sourceId));
      continue;
    }
    const fields = differing([
      ...contentFields(message, row, database),
      ['parent', nameAt(message.parent), nameOf(row.parent)],
      ['shown child', nameAt(message.latestChild), nameOf(row.latest)],
      ['files', areFiles(message.files, row.files, written.get(id)?.files ?? 0, planned.files), true],
      ['order', id > last, true],
    ]);
    last = id;
    if (fields.length > 0) found.push(difference('message', fields, id, sourceId));
  }
  for (const { id } of messages) if (!written.has(id)) found.push(difference('message-added', [], id));
  return found;
}

type Compared = readonly [name: string, expected: Json | undefined, found: Json | undefined];

function contentFields(message: OnyxMessage, row: StoredMessage, database: OnyxDatabase): Compared[] {
  const { has, model } = database;
  const { feedback, documents } = message;
  const list = (items: readonly Json[]): Json => (items.length === 0 ? null : items);
  return [
    ['type', message.type, row.type],
    ['text', digestOf(plain(message.text) ?? ''), row.text],
    ['tokens', message.tokens, row.tokens],
    ['time', message.timeSent, row.sent],
    ['error', plain(message.error), row.error],
    ['reasoning', has('chat_message', 'reasoning_tokens') ? plain(message.reasoning) : null, row.reasoning],
    ['model', has('chat_message', model) ? plain(message.model) : null, row.model],
    ['tool calls', list(expectedCalls(message, database)), row.calls],
    [
      'citations',
      list(documents.map(({ url, title, text }) => [plain(url), plain(title), plain(text)])),
      row.documents,
    ],
    [
      'citations',
      documents.length === 0 ? null : Object.fromEntries(documents.map(({ url }, rank) => [rank + 1, plain(url)])),
      row.cited,
    ],
    ...unset(row.set),
    [
      'feedback',
      feedback === null ? null : [[feedback.isPositive, plain(feedback.tag), plain(feedback.text)]],
      row.feedback,
    ],
  ];
}

/** The chat with those texts split or cut that were when it was imported. */
function fitted(whole: OnyxChat, { written, messages, options }: StoredChat): OnyxChat {
  const names = new Set([...written.values()].map(({ sourceId }) => sourceId));
  const texts = new Set(messages.map(({ text }) => text));
  let chat = whole;
  for (let place = whole.messages.length - 1; place >= 0; place -= 1) {
    const { text, sourceId } = chat.messages[place] as OnyxMessage;
    if (text.length * 3 <= safeTextBytes || Buffer.byteLength(text) <= safeTextBytes) continue;
    const pieces = cutText(plain(text) ?? '');
    if (names.has(plain(`${sourceId}#2`) ?? '')) chat = splitOnyxMessage(chat, place, pieces);
    else if (options.longText === 'cut') {
      const cut = cutOnyxMessage(chat, place, pieces);
      if (cut !== undefined && texts.has(digestOf(cut.messages[place]?.text ?? ''))) chat = cut;
    }
  }
  return chat;
}

/** Whether there are as many files as were written, each of them one of the message's, by name and content. */
function areFiles(
  expected: OnyxMessage['files'],
  found: StoredMessage['files'],
  written: number,
  known: readonly FileRecord[],
): boolean {
  if (found.length !== written) return false;
  const left = expected.map((file) => {
    const text = textFile(file);
    return {
      name: text?.name ?? file.name,
      sha256: text?.sha256 ?? known.find(({ id }) => id === file.fileId)?.sha256,
    };
  });
  return found.every(([name, sha256]) => {
    // A source that states no digest has the one that was taken at the upload.
    const place = left.findIndex((file) => plain(file.name) === name && (file.sha256 ?? sha256) === sha256);
    if (sha256 === null || place < 0) return false;
    left.splice(place, 1);
    return true;
  });
}

/** Columns that the import left empty. */
function unset(columns: readonly string[]): Compared[] {
  return columns.map((column) => [column, null, true]);
}

/** Names of what is not the same. */
function differing(compared: readonly Compared[]): string[] {
  const names = compared
    .filter(
      ([, expected = null, found = null]) => expected !== found && canonicalJson(expected) !== canonicalJson(found),
    )
    .map(([name]) => name);
  return [...new Set(names)];
}
