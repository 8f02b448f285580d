import type { Document } from 'bson';
import { makeFile } from './files.ts';
import type { GeneratedRecord, Owner, World } from './types.ts';

/** Tag names of an owner's bookmarks. */
export const TAGS = ['work', 'später', '重要'] as const;

/** What an owner has beside chats: bookmarks, a project, an agent with a knowledge file, presets, memories, a balance. */
export function* personalRecords(world: World, owner: Owner, index: number): Generator<GeneratedRecord> {
  const { random, objectId, text } = world;
  const createdMs = world.clock.now();
  const date = new Date(createdMs);
  const stamps = { createdAt: date, updatedAt: date, __v: 0 };
  const at = (collection: string, document: Document): GeneratedRecord => ({
    collection,
    document: { _id: objectId(createdMs), ...document },
  });

  yield at('balances', { user: owner.id, tokenCredits: random.int(0, 5_000_000), __v: 0 });
  for (const [position, tag] of TAGS.entries()) {
    const description = position === 0 ? 'from the office' : '';
    yield at('conversationtags', {
      tag,
      user: owner.hex,
      count: owner.tagCounts[tag] ?? 0,
      description,
      position: position + 1,
      ...stamps,
    });
  }
  const project = {
    name: 'Project 🗂️',
    description: text.title(),
    user: owner.hex,
    conversationCount: owner.projectChats,
    lastConversationAt: date,
  };
  yield { collection: 'chatprojects', document: { _id: owner.projectId, ...project, ...stamps } };

  if (index % 2 === 1) return;
  const knowledge = makeFile(world, { owner, kind: 'local-agents', timeMs: createdMs });
  yield* knowledge.records;
  const agent = {
    name: 'Researcher',
    instructions: text.title(),
    provider: 'openAI',
    model: 'gpt-4o',
    tools: ['web_search', 'file_search'],
  };
  yield at('agents', {
    id: owner.agentId,
    ...agent,
    author: owner.id,
    tool_resources: { file_search: { file_ids: [knowledge.document.file_id] } },
    versions: [
      { ...agent, createdAt: date, updatedAt: date },
      { ...agent, name: 'Researcher 2', createdAt: date, updatedAt: date },
    ],
    ...stamps,
  });
  yield at('memoryentries', {
    userId: owner.id,
    key: 'preferences',
    value: text.title(),
    tokenCount: 8,
    updated_at: date,
  });
  const preset = { presetId: random.uuid(), user: owner.hex, title: text.title(), endpoint: 'openAI', model: 'gpt-4o' };
  yield at('presets', { ...preset, temperature: 0.7, promptPrefix: text.title(), ...stamps });
}
