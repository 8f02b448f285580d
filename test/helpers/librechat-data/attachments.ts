import type { Document } from 'bson';
import { scaled } from './content-parts.ts';
import type { Chat, World } from './types.ts';

/** One attachment of every kind an answer can carry. */
export const ATTACHMENT_KINDS = [
  'web_search',
  'file_search',
  'code_output',
  'stored_file',
  'memory',
  'ui_resources',
  'workspace',
] as const;
export type AttachmentKind = (typeof ATTACHMENT_KINDS)[number];

/** Makes an attachment of an answer; web searches carry whole pages and are the largest. */
export function makeAttachment(
  world: World,
  chat: Chat,
  kind: AttachmentKind,
  messageId: string,
  timeMs: number,
): Document {
  const toolCallId = `call_${world.random.letters(24)}`;
  return { ...body(world, chat, kind, timeMs), messageId, toolCallId, conversationId: chat.conversationId };
}

function body(world: World, chat: Chat, kind: AttachmentKind, timeMs: number): Document {
  const { random, text } = world;
  switch (kind) {
    case 'web_search':
      return { type: kind, web_search: webSearch(world) };
    case 'file_search': {
      const source = {
        type: 'file',
        fileId: random.uuid(),
        fileName: 'r.pdf',
        content: text.prose(200),
        relevance: 0.71,
        pages: [3],
        pageRelevance: { 3: 0.71 },
      };
      return {
        type: kind,
        name: `file_search_file_search_results_${random.letters(21)}`,
        file_search: { sources: [{ ...source, metadata: { storageType: 'local' } }] },
      };
    }
    case 'code_output': // a double: epoch milliseconds do not fit 32 bits
      return {
        filename: 'out.csv',
        filepath: `/api/files/code/download/${random.letters(12)}/${random.letters(12)}`,
        expiresAt: timeMs + 86_400_000,
      };
    case 'stored_file': {
      const fileId = random.uuid();
      const file = {
        file_id: fileId,
        filename: 'plot.png',
        filepath: `/images/${chat.owner.hex}/${fileId}.webp`,
        type: 'image/webp',
        source: 'local',
      };
      return {
        ...file,
        context: 'execute_code',
        width: 1,
        height: 1,
        user: chat.owner.id,
        createdAt: new Date(timeMs),
      };
    }
    case 'memory':
      return { type: kind, memory: { key: 'preferences', value: text.title(), tokenCount: 5, type: 'update' } };
    case 'ui_resources':
      return {
        type: kind,
        ui_resources: [{ resourceId: 'r', uri: 'ui://x', mimeType: 'text/html', text: '<b>"chart"</b>\n' }],
      };
    case 'workspace':
      return { workspaceChange: { profile: 'stateful', operation: 'created', path: 'a.py' } };
  }
}

function webSearch(world: World): Document {
  const { random, text } = world;
  const organic = Array.from({ length: random.int(1, 6) }, (_, index) => ({
    position: index + 1,
    title: text.title(),
    link: `https://example.org/${random.hex(6)}`,
    snippet: text.title(),
    content: text.markdown(scaled(world, 3000, 1, 100_000)),
    highlights: [{ score: 0.9, text: text.title() }],
    references: {},
  }));
  const references = organic.map(({ link, title }) => ({ link, type: 'link', title }));
  const rest = {
    topStories: [],
    images: [],
    videos: [],
    news: [],
    places: [],
    shopping: [],
    knowledgeGraph: {},
    answerBox: {},
  };
  return { turn: 0, organic, ...rest, peopleAlsoAsk: [], relatedSearches: [], references };
}
