import type { Json } from '../json.ts';
import { CONVERSATION_SCHEMA, type Conversation, type ConversationRepair, type Owner } from '../models/conversation.ts';
import { timeText } from '../models/extended-json.ts';
import { channelsOf, namespaceOf, parentIdOf, type HistoryEntry, type ThreadRecord } from '../models/langgraph.ts';
import { treeOf } from '../tree/conversation-tree.ts';
import type { Loss } from './loss.ts';
import { isFields, type Fields } from './thread-to-conversation-forms.ts';
import { markedConversation, THREAD_MARK } from './thread-to-conversation-mark.ts';
import { threadMessages } from './thread-to-conversation-messages.ts';
import { checkpointTime } from './thread-to-conversation-time.ts';
import { ThreadTree } from './thread-to-conversation-tree.ts';

export interface ThreadMappingOptions {
  /** The channel that holds the messages. Default `messages`. */
  readonly channel?: string;
  /** The field of the thread's metadata that says whose it is. Default `owner`. */
  readonly owner?: string;
}

/**
 * The conversation in a whole LangGraph thread.
 *
 * Its checkpoints make the tree: messages are known again by their ids, what was answered anew is a branch, and the last
 * checkpoint is what is shown. A message's time is that of the first checkpoint that has it. Tool messages stay messages of
 * their own (`merge-turns` joins a turn). The other channels of the last checkpoint, its questions and the thread's metadata
 * are in `source.extra`; earlier checkpoints' other channels and those of subgraphs are losses. A thread that was made of a
 * conversation gives that conversation.
 */
export function threadToConversation(
  record: ThreadRecord,
  options: ThreadMappingOptions = {},
): { readonly conversation: Conversation; readonly losses: readonly Loss[] } {
  const reader = new ThreadReader(record, options);
  reader.add(record.history);
  return reader.finish();
}

/** The same, from one part of a thread after the other: only messages are kept, not checkpoints. */
export class ThreadReader {
  readonly #record: ThreadRecord;
  readonly #channel: string;
  readonly #owner: string;
  readonly #tree = new ThreadTree();
  #head: HistoryEntry | undefined;
  #otherChannels = 0;
  #subgraphs = 0;

  /** @param record The thread, or its first part: its history is not read yet. */
  constructor(record: ThreadRecord, { channel = 'messages', owner = 'owner' }: ThreadMappingOptions = {}) {
    this.#record = { ...record, history: [] };
    this.#channel = channel;
    this.#owner = owner;
  }

  /** Takes the next checkpoints, parents first. */
  add(history: readonly HistoryEntry[]): void {
    for (const entry of history) {
      if (namespaceOf(entry) !== '') {
        this.#subgraphs += 1;
        continue;
      }
      if (this.#head !== undefined && hasOthers(this.#head, this.#channel)) this.#otherChannels += 1;
      this.#head = entry;
      const { checkpoint_id: id } = entry.checkpoint;
      const isUpdate = entry.metadata?.source === 'update';
      const time = checkpointTime(entry) ?? null;
      this.#tree.add({ id, time, isUpdate }, parentIdOf(entry), this.#listIn(entry.values));
    }
  }

  finish(): { readonly conversation: Conversation; readonly losses: readonly Loss[] } {
    const { thread_id: id, thread, limited } = this.#record;
    const metadata = isFields(thread.metadata) ? thread.metadata : {};
    // A tool that kept no history left the values in the row.
    if (this.#head === undefined) this.#tree.add({ id: '', time: null }, undefined, this.#listIn(thread['values']));
    const { messages, idOf, repairs: found } = threadMessages(this.#tree);
    const repairs: ConversationRepair[] = [...found];
    if (limited === true) repairs.push({ kind: 'history-cut', detail: 'older checkpoints were left out' });
    const leaf = this.#tree.activeLeaf;
    const tree = treeOf(messages, { repairs, activeLeaf: leaf === undefined ? null : idOf(leaf) });
    const base = { messages, tree, files: [] };
    const marked = markedConversation(metadata[THREAD_MARK]);
    const extra = this.#extra(marked !== undefined);
    const source = {
      ...(marked?.source ?? { system: 'langgraph', recordId: id }),
      ...(extra !== undefined && { extra }),
    };
    const losses = this.#losses();
    if (marked !== undefined) return { conversation: { ...marked.fields, ...base, source }, losses };

    const values = this.#head === undefined ? {} : channelsOf(this.#head);
    const owner = ownerOf([metadata[this.#owner], metadata['user_id'], this.#headMetadata('langgraph_auth_user_id')]);
    if (owner === undefined) repairs.push({ kind: 'owner-missing', detail: `no "${this.#owner}" in the metadata` });
    const { graph_id: graph, assistant_id: assistant } = metadata;
    const title = [metadata['title'], metadata['name'], values['title']].find(
      (name) => typeof name === 'string' && name !== '',
    );
    const conversation: Conversation = {
      schema: CONVERSATION_SCHEMA,
      id,
      key: `langgraph:${owner?.id ?? ''}:${id}`,
      owner: owner ?? { id: '' },
      title: typeof title === 'string' ? title : null,
      createdAt: timeText(thread.created_at) ?? messages[0]?.createdAt ?? null,
      updatedAt: timeText(thread.updated_at) ?? messages.at(-1)?.createdAt ?? null,
      archived: false,
      pinned: false,
      temporary: false,
      tags: [],
      project: null,
      settings: {
        ...(typeof graph === 'string' && { endpoint: graph }),
        ...(typeof assistant === 'string' && { agentId: assistant }),
      },
      ...base,
      source,
    };
    return { conversation, losses };
  }

  /** The messages in a checkpoint's values; the whole state is a list in graphs of messages only. */
  #listIn(values: unknown): readonly unknown[] {
    const list = isFields(values) ? values[this.#channel] : values;
    return Array.isArray(list) ? list : [];
  }

  #headMetadata(name: string): Json | undefined {
    // Metadata of a checkpoint are JSON.
    return this.#head?.metadata?.[name] as Json | undefined;
  }

  /** What a conversation has no field for, of the thread as it stands now. */
  #extra(isMarked: boolean): Fields | undefined {
    const { thread, origin } = this.#record;
    const { thread_id: _, created_at: __, updated_at: ___, values: ____, metadata, status, ...row } = thread;
    const head = this.#head;
    const channels = head === undefined ? fieldsOf(thread['values']) : (channelsOf(head) as Fields);
    const { [this.#channel]: list, ...others } = channels;
    const isReadable = this.#tree.unreadable === 0 && (list === undefined || Array.isArray(list));
    const questions = head?.tasks.flatMap(({ interrupts }) => interrupts ?? []) ?? [];
    const own = isMarked ? withoutMark(metadata) : metadata;
    const extra: Record<string, unknown> = {
      metadata: own,
      status: isMarked && status === 'idle' ? undefined : status,
      thread: row,
      origin: isMarked || origin.runtime === 'unknown' ? undefined : origin,
      values: isReadable ? others : channels,
      next: head?.next,
      interrupts: questions,
    };
    const kept = Object.entries(extra).filter(([, value]) => !isEmpty(value));
    // All of it came as JSON.
    return kept.length === 0 ? undefined : (Object.fromEntries(kept) as Fields);
  }

  #losses(): readonly Loss[] {
    const losses: Loss[] = [];
    if (this.#otherChannels > 0) losses.push({ kind: 'history', detail: 'channels of earlier checkpoints' });
    if (this.#subgraphs > 0) losses.push({ kind: 'history', detail: 'checkpoints of subgraphs' });
    return losses;
  }
}

function hasOthers(entry: HistoryEntry, channel: string): boolean {
  return Object.keys(channelsOf(entry)).some((name) => name !== channel);
}

/** The first that says who it is: an id, or an object with one. */
function ownerOf(candidates: readonly (Json | undefined)[]): Owner | undefined {
  for (const value of candidates) {
    const { id, identity, email, name }: Fields = isFields(value) ? value : { id: value ?? null };
    const known = [id, identity, email].find(
      (text) => (typeof text === 'string' && text !== '') || typeof text === 'number',
    );
    if (known === undefined) continue;
    const text = String(known);
    const address = typeof email === 'string' ? email : /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text) ? text : undefined;
    return {
      id: text,
      ...(address !== undefined && { email: address }),
      ...(typeof name === 'string' && { name }),
    };
  }
  return undefined;
}

function withoutMark(metadata: unknown): Fields {
  const { [THREAD_MARK]: _, title: __, owner: ___, graph_id: ____, ...rest } = fieldsOf(metadata);
  return rest;
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
