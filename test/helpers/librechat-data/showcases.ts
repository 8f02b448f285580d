import { ATTACHMENT_KINDS, makeAttachment } from './attachments.ts';
import { addMessage, linearChat, messageAt } from './chat-plan.ts';
import { everyPart, parallelContent } from './content-parts.ts';
import { TAGS } from './personal-records.ts';
import type { Chat, Owner, World } from './types.ts';
import { sharedLink, toolCallRecord } from './write-chat.ts';

type Scenario = (world: World, owner: Owner) => Chat[];

/** One answer with a part of every type; the question quotes an earlier answer. */
export const partShowcase: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2, { era: 'current' });
  messageAt(chat, 1).set = { text: '', content: everyPart(world, chat, messageAt(chat, 1).messageId) };
  messageAt(chat, 2).set = { quotes: ['Done: "all" of it.'] };
  messageAt(chat, 3).set = {
    metadata: {
      thoughtSignatures: {
        call_1: world.record.secret('messages.metadata.thoughtSignatures', world.random.letters(80)),
      },
    },
  };
  return [chat];
};

/** One answer with an attachment of every kind, feedback in both forms, a shared link and a run code block. */
export const attachmentShowcase: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2, { era: 'current' });
  const { messageId } = messageAt(chat, 1);
  const attachments = ATTACHMENT_KINDS.map((kind) => makeAttachment(world, chat, kind, messageId, chat.openedMs));
  messageAt(chat, 1).set = { attachments, feedback: { rating: 'thumbsUp', tag: 'accurate_reliable' } };
  messageAt(chat, 3).set = {
    feedback: { rating: 'thumbsDown', tag: { key: 'other', label: 'Other' }, text: 'the year is wrong' },
  };
  messageAt(chat, 3).attach = (_, timeMs) => ({
    set: {},
    records: [
      { collection: 'toolcalls', document: toolCallRecord(world, chat, messageId, timeMs) },
      { collection: 'sharedlinks', document: sharedLink(world, chat, { title: 'shared "chat"' }) },
    ],
  });
  return [chat];
};

/** Regenerated answers, an edited question, an edit of the first question, a branch that goes on. */
export const branchShowcase: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 3);
  addMessage(world, chat, 2, false);
  addMessage(world, chat, 2, false);
  const edited = addMessage(world, chat, messageAt(chat, 4).parentId, true);
  const goesOn = addMessage(world, chat, edited, false);
  addMessage(world, chat, addMessage(world, chat, goesOn, true), false);
  addMessage(world, chat, addMessage(world, chat, messageAt(chat, 0).parentId, true), false);
  return [chat];
};

/** Two answers side by side: siblings in older versions, one message of two groups now. */
export const parallelShowcase: Scenario = (world, owner) => {
  const older = linearChat(world, owner, 1, { era: 'agents' });
  addMessage(world, older, 0, false);
  const newer = linearChat(world, owner, 1, { era: 'current' });
  messageAt(newer, 1).set = { addedConvo: true, text: '', content: parallelContent(world, 'answered') };
  return [older, newer];
};

/** A chat that a tool call of another chat started. */
export const subagentShowcase: Scenario = (world, owner) => {
  const parent = linearChat(world, owner, 1, { era: 'current' });
  const child = linearChat(world, owner, 1, { era: 'current' });
  const ids = { rootConversationId: parent.conversationId, parentConversationId: parent.conversationId };
  child.set = {
    subagentThread: {
      ...ids,
      parentMessageId: messageAt(parent, 1).messageId,
      parentToolCallId: 'call_1',
      subagentType: 'research',
      subagentKind: 'agent',
      depth: 1,
    },
  };
  const messagesJson = JSON.stringify([
    { role: 'user', content: 'look "it" up' },
    { role: 'assistant', content: 'found' },
  ]);
  messageAt(child, 1).set = { subagentTranscript: { taskId: 'task_1', mode: 'full', messagesJson } };
  return [parent, child];
};

/** Titles and settings at their edges: no title, a long one, archived with and without a date, pinned, tagged, in a project. */
export const settingsShowcase: Scenario = (world, owner) => {
  const archived = linearChat(world, owner, 1, { era: 'current' });
  archived.set = { isArchived: true, archivedAt: new Date(archived.openedMs + 60_000), title: null };
  const before = linearChat(world, owner, 1, { era: 'agents' });
  before.set = { isArchived: true, title: `long ${'título 🧵 '.repeat(30)}` };
  const kept = linearChat(world, owner, 1, { era: 'current' });
  kept.set = {
    pinned: true,
    tags: [TAGS[0], 'a tag that has no bookmark'],
    chatProjectId: owner.projectId.toHexString(),
  };
  owner.tagCounts[TAGS[0]] = (owner.tagCounts[TAGS[0]] ?? 0) + 1;
  owner.projectChats++;
  return [archived, before, kept];
};
