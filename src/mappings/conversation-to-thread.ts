import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Conversation, Message } from '../models/conversation.ts';
import { timeNumber } from '../models/extended-json.ts';
import { THREAD_SCHEMA, type HistoryEntry, type ThreadRecord } from '../models/langgraph.ts';
import { analyseTree, depthFirst, pathTo, type TreeShape } from '../tree/analyse-tree.ts';
import { leafOf } from '../tree/conversation-branch.ts';
import { checkpointIdOf, threadIdOf } from './conversation-to-thread-ids.ts';
import { messageToThread } from './conversation-to-thread-message.ts';
import type { Loss } from './loss.ts';
import { isFields, type Fields } from './thread-to-conversation-forms.ts';
import { conversationMark, THREAD_MARK } from './thread-to-conversation-mark.ts';
import { isoOfMicroseconds } from './thread-to-conversation-time.ts';

export interface ConversationToThreadOptions {
  /** The graph on the target. A conversation from LangGraph has its own. */
  readonly graphId?: string | undefined;
  /** The channel that holds the messages. Default `messages`. */
  readonly channel?: string | undefined;
  /** All branches, as forks of the history, or the one that is shown. Default `all`. */
  readonly branches?: 'all' | 'active' | undefined;
  /** A checkpoint after each message, or only where branches begin and end. Default `messages`. */
  readonly checkpoints?: 'messages' | 'branches' | undefined;
  /** Ids made of system, owner and id of the conversation, or its own: see {@link threadIdOf}. Default `unique`. */
  readonly threadIds?: 'unique' | 'same' | undefined;
  /** Bytes of JSON a thread may have. Default 64 MiB. */
  readonly maxThreadBytes?: number | undefined;
}

/** The latest time that still has whole microseconds as a number, year 2223. */
const latest = 8e15;

/**
 * A conversation as a LangGraph thread, and what a thread has no place for.
 *
 * Each checkpoint holds the messages from the first to its own; branches are forks, and the branch that is shown comes last.
 * Ids are made of the conversation's own, so that the same conversation gives the same thread. A checkpoint repeats all
 * messages before it: where one for each message would pass `maxThreadBytes`, there is one for each branch.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` when no graph is known, `ETL_RECORD_TOO_LARGE` when it is too large even so.
 */
export function conversationToThread(
  conversation: Conversation,
  options: ConversationToThreadOptions = {},
): { readonly thread: ThreadRecord; readonly losses: readonly Loss[] } {
  const { channel = 'messages', branches = 'all', maxThreadBytes = 64 * 1024 * 1024 } = options;
  const { source } = conversation;
  const isNative = source.system === 'langgraph';
  const threadId = threadIdOf(conversation, options.threadIds);
  const metadata = metadataOf(conversation, options, isNative);
  const losses: Loss[] = conversationLosses(conversation, isNative);

  const { messages, leaf } = chosen(conversation, branches, losses);
  const shape = analyseTree(messages);
  const said = messages.map((message) => messageToThread(message, isNative, losses));
  const active = leaf < 0 ? -1 : leaf;
  const order = inOrder(shape);
  const sizes = sizesOf(said, shape, order);
  const every = options.checkpoints === 'branches' ? undefined : order;
  const places = fits(every, sizes, maxThreadBytes) ?? fits(endsOf(shape, order, active), sizes, maxThreadBytes);
  if (places === undefined) {
    throw new EtlError('ETL_RECORD_TOO_LARGE', `the thread would have more than ${maxThreadBytes} bytes`, {
      where: { record: conversation.id },
      hint: 'Raise `maxThreadBytes`, or take `branches: active`.',
    });
  }
  if (every !== undefined && places !== every)
    losses.push({ kind: 'checkpoints', detail: 'one at each message: the thread would be too large' });

  const list = (place: number): readonly Fields[] => pathTo(shape, place).flatMap((at) => said[at] ?? []);
  const history = historyOf(conversation, messages, {
    threadId,
    channel,
    graphId: metadata['graph_id'],
    shape,
    places,
    active,
    list,
  });
  const others = isNative ? fieldsOf(source.extra?.['values']) : {};
  const head = history.at(-1);
  if (head !== undefined)
    history[history.length - 1] = { ...head, values: { ...others, ...fieldsOf(head.values as Json) } };
  const first = history[0]?.created_at ?? undefined;
  const created = conversation.createdAt ?? first;
  const updated = conversation.updatedAt ?? head?.created_at ?? undefined;
  const thread: ThreadRecord = {
    schema: THREAD_SCHEMA,
    thread_id: threadId,
    thread: {
      thread_id: threadId,
      ...(created !== undefined && { created_at: created }),
      ...(updated !== undefined && { updated_at: updated }),
      metadata,
      status: 'idle',
    },
    origin: { runtime: 'unknown' },
    history,
  };
  return { thread, losses };
}

function metadataOf(conversation: Conversation, { graphId }: ConversationToThreadOptions, isNative: boolean): Fields {
  const { id, title, owner, source } = conversation;
  const known = isNative ? fieldsOf(source.extra?.['metadata']) : {};
  const graph = graphId ?? known['graph_id'] ?? (isNative ? conversation.settings.endpoint : undefined);
  if (typeof graph !== 'string')
    throw new EtlError('ETL_RECORD_INVALID', 'no graph is known for this conversation', {
      where: { record: id },
      hint: 'Say `graphId`: the graph on the target that shall go on with it.',
    });
  return {
    ...known,
    graph_id: graph,
    ...(owner.id !== '' && { owner: owner.id }),
    ...(title !== null && { title }),
    [THREAD_MARK]: conversationMark(conversation),
  };
}

/** The messages to take, and the place of the one shown last; -1: there are none. */
function chosen(
  conversation: Conversation,
  branches: 'all' | 'active',
  losses: Loss[],
): { messages: readonly Message[]; leaf: number } {
  const { messages, tree } = conversation;
  const shape = analyseTree(messages);
  if (messages.length === 0) return { messages, leaf: -1 };
  if (branches === 'all') {
    // Other writers may leave the tree out.
    const id = (tree as Conversation['tree'] | undefined)?.activeLeaf;
    const shown = messages.findIndex((message) => message.id === id);
    return { messages, leaf: shown < 0 ? shape.activeLeaf : shown };
  }
  const path = pathTo(shape, leafOf(conversation, shape));
  if (path.length < messages.length) losses.push({ kind: 'branches', detail: 'messages' });
  return { messages: path.flatMap((place) => messages[place] ?? []), leaf: path.length - 1 };
}

/** Places with parents before children: the list's own order where it is such. */
function inOrder(shape: TreeShape): readonly number[] {
  const { parents } = shape;
  return parents.every((parent, place) => parent < place) ? [...parents.keys()] : depthFirst(shape);
}

/** Where branches begin and end, in the order in which their first messages came. */
function endsOf({ leaves, branchPoints, parents }: TreeShape, order: readonly number[], active: number): number[] {
  const wanted = new Set([...leaves, ...branchPoints, ...(active < 0 ? [] : [active])]);
  const starts = new Int32Array(parents.length);
  for (const [rank, place] of order.entries()) {
    const parent = parents[place] ?? -1;
    starts[place] = parent < 0 || wanted.has(parent) ? rank : (starts[parent] ?? rank);
  }
  return [...wanted].sort((a, b) => (starts[a] ?? 0) - (starts[b] ?? 0));
}

/** Bytes of JSON of all messages down to each place. */
function sizesOf(said: readonly (readonly Fields[])[], { parents }: TreeShape, order: readonly number[]): Float64Array {
  const sizes = new Float64Array(said.length);
  for (const place of order) {
    const parent = parents[place] ?? -1;
    sizes[place] = Buffer.byteLength(JSON.stringify(said[place] ?? [])) + (parent < 0 ? 0 : (sizes[parent] ?? 0));
  }
  return sizes;
}

function fits(places: readonly number[] | undefined, sizes: Float64Array, most: number): readonly number[] | undefined {
  return places === undefined || places.reduce((sum, place) => sum + (sizes[place] ?? 0), 0) > most
    ? undefined
    : places;
}

interface HistoryPlan {
  readonly threadId: string;
  readonly channel: string;
  readonly graphId: Json | undefined;
  readonly shape: TreeShape;
  readonly places: readonly number[];
  readonly active: number;
  readonly list: (place: number) => readonly Fields[];
}

function historyOf(conversation: Conversation, messages: readonly Message[], plan: HistoryPlan): HistoryEntry[] {
  const { threadId, channel, graphId, shape, places, active, list } = plan;
  const history: HistoryEntry[] = [];
  const made = new Map<number, HistoryEntry>();
  let micros = Math.round((timeNumber(conversation.createdAt ?? conversation.updatedAt) ?? 0) * 1000) - 1;
  const add = (
    parent: HistoryEntry | undefined,
    values: readonly Fields[],
    time: string | null,
    source: 'update' | 'fork' = 'update',
  ): HistoryEntry => {
    const wanted = Math.round((timeNumber(time) ?? 0) * 1000);
    // Ids sort by time, and checkpoints by their ids: a later one is never dated earlier.
    micros = Math.max(0, micros + 1, Math.min(wanted, latest));
    const step = (parent?.metadata?.step ?? -1) + 1;
    const entry: HistoryEntry = {
      values: { [channel]: values },
      next: [],
      tasks: [],
      metadata: { source, step, parents: {}, thread_id: threadId, graph_id: graphId },
      created_at: isoOfMicroseconds(micros) ?? null,
      checkpoint: { thread_id: threadId, checkpoint_id: checkpointIdOf(threadId, micros, step), checkpoint_ns: '' },
      parent_checkpoint: parent?.checkpoint ?? null,
    };
    history.push(entry);
    return entry;
  };
  // Conversations with several beginnings fork from a state without messages.
  const start = shape.roots.length > 1 ? add(undefined, [], conversation.createdAt) : undefined;
  // The checkpoint above each place.
  const above = (place: number): HistoryEntry | undefined => {
    let at = shape.parents[place] ?? -1;
    while (at >= 0 && !made.has(at)) at = shape.parents[at] ?? -1;
    return made.get(at) ?? start;
  };
  for (const place of places) made.set(place, add(above(place), list(place), messages[place]?.createdAt ?? null));
  if (active >= 0 && places.at(-1) !== active)
    add(above(active), list(active), messages[active]?.createdAt ?? null, 'fork');
  return history;
}

function conversationLosses({ files, tree, source }: Conversation, isNative: boolean): Loss[] {
  // Other writers may leave the tree out.
  const { repairs = [], missingParentIds = [] } = (tree as Conversation['tree'] | undefined) ?? {};
  const { metadata: _, values: __, ...extra } = source.extra ?? {};
  const said: readonly (readonly [boolean, string, string])[] = [
    [files.length > 0, 'file', 'files'],
    [repairs.length > 0, 'field', 'tree.repairs'],
    [missingParentIds.length > 0, 'field', 'tree.missingParentIds'],
    [source.dropped !== undefined, 'field', 'source.dropped'],
    [source.extra !== undefined && (!isNative || Object.keys(extra).length > 0), 'field', 'source.extra'],
  ];
  return said.filter(([is]) => is).map(([, kind, detail]) => ({ kind, detail }));
}

function fieldsOf(value: Json | undefined): Fields {
  return isFields(value) ? value : {};
}
