import type { FilePart } from '../models/conversation-parts.ts';
import type { Conversation, FileRecord, Message } from '../models/conversation.ts';
import { ONYX_ROOT, type OnyxChat, type OnyxFile, type OnyxMessage } from '../models/onyx.ts';
import { conversationToOnyxId } from './conversation-to-onyx-id.ts';
import { conversationToOnyxTimes, microseconds } from './conversation-to-onyx-times.ts';
import { conversationToOnyxTree, type OnyxNode } from './conversation-to-onyx-tree.ts';
import { partsToOnyx } from './conversation-to-onyx-parts.ts';
import type { Loss } from './loss.ts';

const maxTitleLength = 1000;
/** As long as a project's name may be in Onyx. */
const maxProjectLength = 255;

/** What is to be taken along that not every import wants. */
export interface OnyxMappingOptions {
  /** Which project a chat goes into: the source's, or its first tag where it has none. Onyx then shows it there only. */
  readonly projects?: 'project' | 'tag' | 'drop';
  /** `project` puts archived chats into a project of that name. */
  readonly archived?: 'keep' | 'project';
  /** Files of questions, which are uploaded. */
  readonly files?: boolean;
}

const archivedProject = 'Archived';

/**
 * A conversation as one Onyx chat, with all its branches, and what Onyx has no place for.
 *
 * System messages are left out, an answer under an answer is merged into it (when it is the only child) or gets an empty
 * question in between; times are moved by microseconds where they would not grow along a path. Always keeps the rules of `onyxProblems`, whatever the tree looks like.
 */
export function conversationToOnyx(
  conversation: Conversation,
  { projects = 'project', archived = 'keep', files = false }: OnyxMappingOptions = {},
): { chat: OnyxChat; losses: readonly Loss[] } {
  const project = projectOf(conversation, projects, archived);
  const losses: Loss[] = conversationLosses(conversation, project);
  const nodes = conversationToOnyxTree(conversation, losses);
  const { timeCreated, timeUpdated, sent } = conversationToOnyxTimes(conversation, nodes, losses);
  const shown = shownChildren(nodes, conversation.tree?.activeLeaf ?? null);
  const fileOf = files ? fileFinder(conversation.files) : undefined;
  const chat: OnyxChat = {
    sessionId: conversationToOnyxId(conversation),
    title: titleOf(conversation, losses),
    timeCreated,
    timeUpdated,
    project: project.name,
    messages: nodes.map((node, place) => {
      const isNamed = isShown(node, place, nodes, shown);
      const standing = { latestChild: shown[place] ?? null, timeSent: sent[place] ?? timeCreated };
      return messageOf(node, standing, isNamed, losses, fileOf);
    }),
  };
  return { chat, losses };
}

/** The project a chat goes into, and which of the conversation's fields that keeps. */
interface ChosenProject {
  readonly name: string | null;
  readonly from: 'archived' | 'project' | 'tags' | undefined;
}

function projectOf(
  { archived, project, tags }: Conversation,
  projects: NonNullable<OnyxMappingOptions['projects']>,
  whenArchived: NonNullable<OnyxMappingOptions['archived']>,
): ChosenProject {
  const [tag] = tags;
  if (archived && whenArchived === 'project') return { name: archivedProject, from: 'archived' };
  if (projects !== 'drop' && project?.name !== undefined && project.name !== '')
    return { name: project.name.slice(0, maxProjectLength), from: 'project' };
  if (projects === 'tag' && tag !== undefined && tag !== '')
    return { name: tag.slice(0, maxProjectLength), from: 'tags' };
  return { name: null, from: undefined };
}

/** Finds what is known of a part's file: bytes, or the text that was taken from it. */
function fileFinder(files: readonly FileRecord[]): (part: FilePart) => OnyxFile | undefined {
  const known = new Map(files.map((file) => [file.id, file]));
  return ({ fileId, name, mediaType }) => {
    const file = known.get(fileId ?? '');
    if (file === undefined) return undefined;
    const hasBytes = file.unavailable === undefined && (file.paths ?? []).length > 0;
    if (!hasBytes && (file.text === undefined || file.text === '')) return undefined;
    return {
      fileId: file.id,
      name: file.name ?? name ?? file.id,
      mediaType: file.mediaType ?? mediaType ?? null,
      text: hasBytes ? null : (file.text ?? null),
    };
  };
}

function titleOf({ title, branch }: Conversation, losses: Loss[]): string | null {
  if (title === null || title === 'New Chat') return null;
  if (title.length > maxTitleLength) losses.push({ kind: 'length', detail: 'title' });
  const short = title.length > maxTitleLength ? `${title.slice(0, maxTitleLength - 1)}…` : title;
  return branch === undefined || branch.active ? short : `${short} (branch ${branch.number} of ${branch.count})`;
}

/** Which child each message shows: the one on the way to the active leaf, else the newest. */
function shownChildren(nodes: readonly OnyxNode[], activeLeaf: string | null): (number | null)[] {
  const shown: (number | null)[] = nodes.map(() => null);
  for (const [place, { parent }] of nodes.entries()) if (parent !== null) shown[parent] = place;
  let place =
    activeLeaf === null ? -1 : nodes.findIndex(({ messages }) => messages.some(({ id }) => id === activeLeaf));
  for (let node = nodes[place]; node !== undefined && node.parent !== null; node = nodes[place]) {
    shown[node.parent] = place;
    place = node.parent;
  }
  return shown;
}

/** Two answers with a model's name beside each other become columns of a comparison: only the shown one is named. */
function isShown(
  node: OnyxNode,
  place: number,
  nodes: readonly OnyxNode[],
  shown: readonly (number | null)[],
): boolean {
  if (node.parent === null) return false;
  const child = shown[node.parent] ?? null;
  if (child === place) return true;
  // When a question is shown, the newest answer beside it is named.
  if (child === null || nodes[child]?.type === 'ASSISTANT') return false;
  return nodes.findLastIndex(({ parent, type }) => parent === node.parent && type === 'ASSISTANT') === place;
}

function messageOf(
  { type, parent, messages, name }: OnyxNode,
  { latestChild, timeSent }: Pick<OnyxMessage, 'latestChild' | 'timeSent'>,
  isNamed: boolean,
  losses: Loss[],
  fileOf: ((part: FilePart) => OnyxFile | undefined) | undefined,
): OnyxMessage {
  const parts = messages.flatMap((message) => message.parts);
  const first = messages[0];
  const content = partsToOnyx(parts, type, first?.id, losses, fileOf);
  const failed = messages.some((message) => message.failed === true);
  const model = type === 'ASSISTANT' ? messages.findLast((message) => message.model !== undefined)?.model : undefined;
  if (model !== undefined && !isNamed)
    losses.push({ kind: 'answer beside others', messageId: first?.id, detail: 'messages.model' });
  for (const message of messages) messageLosses(message, losses);
  // Field by field: spreading into objects of this many fields takes as long as all else here. The order counts for digests.
  return {
    text: content.text,
    reasoning: content.reasoning,
    toolCalls: content.toolCalls,
    documents: content.documents,
    files: content.files,
    sourceId: name ?? first?.id ?? ONYX_ROOT,
    type,
    tokens: tokensOf(messages, content.text),
    model: isNamed ? (model ?? null) : null,
    error: content.errorText ?? (failed ? content.text || 'failed' : null),
    feedback: feedbackOf(messages, type, losses),
    parent,
    latestChild,
    timeSent,
  };
}

/** As counted by the source, else a quarter of the bytes: 0 would let a chat grow past the model's limits. */
function tokensOf(messages: readonly Message[], text: string): number {
  const counted = messages.every(({ tokens }) => tokens !== undefined && tokens > 0);
  const sum = messages.reduce((total, { tokens }) => total + (tokens ?? 0), 0);
  const count = counted ? Math.round(sum) : Math.ceil(Buffer.byteLength(text) / 4);
  return Math.min(count, 2 ** 31 - 1);
}

function feedbackOf(messages: readonly Message[], type: OnyxNode['type'], losses: Loss[]): OnyxMessage['feedback'] {
  const given = messages.filter(({ feedback }) => feedback !== undefined);
  const last = given.pop();
  if (type !== 'ASSISTANT' && last !== undefined) given.push(last);
  for (const { id } of given) losses.push({ kind: 'feedback', messageId: id, detail: 'messages.feedback' });
  if (type !== 'ASSISTANT' || last?.feedback === undefined) return null;
  const { rating, tag, text, extra } = last.feedback;
  if (extra !== undefined) losses.push({ kind: 'field', messageId: last.id, detail: 'messages.feedback.extra' });
  return { isPositive: rating === null ? null : rating === 'up', tag: tag ?? null, text: text ?? null };
}

function messageLosses(message: Message, losses: Loss[]): void {
  const { id: messageId } = message;
  for (const field of [
    'name',
    'recipient',
    'channel',
    'hidden',
    'endpoint',
    'finishReason',
    'unfinished',
    'source',
  ] as const)
    if (message[field] !== undefined) losses.push({ kind: 'field', messageId, detail: `messages.${field}` });
  const updated = microseconds(message.updatedAt);
  if (updated !== undefined && updated !== microseconds(message.createdAt))
    losses.push({ kind: 'field', messageId, detail: 'messages.updatedAt' });
}

function conversationLosses(conversation: Conversation, { from }: ChosenProject): Loss[] {
  const { archived, pinned, temporary, tags, project, settings, source } = conversation;
  const said: readonly (readonly [boolean, string])[] = [
    [archived && from !== 'archived', 'archived'],
    [pinned, 'pinned'],
    [temporary, 'temporary'],
    [tags.length > (from === 'tags' ? 1 : 0), 'tags'],
    [project !== null && from !== 'project', 'project'],
    [Object.keys(settings).length > 0, 'settings'],
    [source.dropped !== undefined, 'source.dropped'],
    [source.extra !== undefined, 'source.extra'],
  ];
  return said.filter(([is]) => is).map(([, detail]) => ({ kind: 'field', detail }));
}
