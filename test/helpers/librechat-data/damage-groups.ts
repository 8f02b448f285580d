import type { Document } from 'bson';
import { linearChat, messageAt, openChat } from './chat-plan.ts';
import { makeFile } from './files.ts';
import type { Chat, Owner, World } from './types.ts';

type Scenario = (world: World, owner: Owner) => Chat[];

/** Conversations and messages whose conversationId is null, '' or not there. Cases: every document. */
export const conversationIdForms: Scenario = (world, owner) => {
  const forms: readonly [string, (document: Document) => Document][] = [
    ['null', (document) => ({ ...document, conversationId: null })],
    ['empty', (document) => ({ ...document, conversationId: '' })],
    ['absent', ({ conversationId: _, ...rest }) => rest],
  ];
  return forms.map(([form, change]) => {
    const chat = linearChat(world, owner, 1);
    chat.finish = (document) => [change(document)];
    world.record.damage(`conversation-id-${form}`, { user: owner.hex });
    for (const plan of chat.messages) {
      plan.finish = (document) => [change(document)];
      world.record.damage(`message-conversation-id-${form}`, { user: owner.hex, messageId: plan.messageId });
    }
    return chat;
  });
};

/** A deleted chat whose messages and file stayed. */
export const orphans: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2);
  chat.finish = () => [];
  const { conversationId } = chat;
  for (const { messageId } of chat.messages)
    world.record.damage('orphan-message', { user: owner.hex, conversationId, messageId });
  messageAt(chat, 0).attach = (_, timeMs) => {
    const file = makeFile(world, {
      owner,
      kind: 'local-pdf',
      timeMs,
      conversationId,
      messageId: messageAt(chat, 0).messageId,
    });
    world.record.damage('orphan-file', { user: owner.hex, conversationId, fileId: file.document.file_id as string });
    return { set: { files: [file.entry] }, records: file.records };
  };
  return [chat];
};

/** A conversation without messages. */
export const emptyChat: Scenario = (world, owner) => {
  const chat = openChat(world, owner);
  world.record.damage('empty-chat', { user: owner.hex, conversationId: chat.conversationId });
  return [chat];
};

/** A dump restored for another user: the same conversation and message ids under two owners. */
export const sharedIds: Scenario = (world, owner) => {
  const other = world.owners.find(({ hex }) => hex !== owner.hex);
  if (other === undefined) throw new RangeError('the same id under two users needs two users');
  const chat = linearChat(world, owner, 2);
  const copy: Chat = { ...linearChat(world, other, 0), conversationId: chat.conversationId };
  copy.messages.push(...chat.messages.map(({ messageId, parentId, isUser }) => ({ messageId, parentId, isUser })));
  for (const { owner: one } of [chat, copy])
    world.record.damage('same-id-two-users', { user: one.hex, conversationId: chat.conversationId });
  return [chat, copy];
};

/** Everything of a user who is gone. */
export const deletedUser: Scenario = (world) => {
  const chat = linearChat(world, world.deletedOwner, 2);
  world.record.damage('deleted-user', { user: chat.owner.hex, conversationId: chat.conversationId });
  return [chat];
};

/** A chat and its fork: new ids, but `messages`, files and what attachments name are the source's. */
export const fork: Scenario = (world, owner) => {
  const source = linearChat(world, owner, 2, { era: 'current' });
  source.atOnce = true;
  const attachment = { filename: 'out.csv', filepath: '/api/files/code/download/s/1', expiresAt: 1_790_000_000_000 };
  const answer = messageAt(source, 1);
  answer.set = {
    attachments: [
      { ...attachment, messageId: answer.messageId, toolCallId: 'call_1', conversationId: source.conversationId },
    ],
  };
  messageAt(source, 0).attach = (chat, timeMs) => {
    const file = makeFile(world, { owner, kind: 'local-text', timeMs, conversationId: source.conversationId });
    chat.fileIds.push(file.document.file_id as string);
    return { set: { files: [file.entry] }, records: file.records };
  };

  const copy = openChat(world, owner, { era: 'current' });
  copy.atOnce = true;
  const ids = new Map(source.messages.map(({ messageId }) => [messageId, world.random.uuid()]));
  for (const plan of source.messages) {
    const messageId = ids.get(plan.messageId) ?? '';
    const parentId = ids.get(plan.parentId ?? '') ?? plan.parentId;
    copy.messages.push({
      messageId,
      parentId,
      isUser: plan.isUser,
      // What the source got when it was written: fields and the time.
      finish: (document, { stored }) => [
        { ...document, ...plan.set, createdAt: new Date(source.stored[stored.length - 1]?.timeMs ?? 0) },
      ],
    });
  }
  copy.finish = (document) => [
    { ...document, messages: source.stored.map(({ id }) => id), files: source.fileIds, title: 'A fork' },
  ];
  world.record.damage('fork-messages-array', {
    user: owner.hex,
    conversationId: copy.conversationId,
    expect: { source: source.conversationId },
  });
  world.record.damage('attachment-names-other-message', {
    user: owner.hex,
    conversationId: copy.conversationId,
    messageId: copy.messages[1]?.messageId ?? '',
  });
  return [source, copy];
};

/** A conversation whose `messages` array misses rows: a hint and no more. */
export const incompleteArray: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 2);
  chat.finish = (document, { stored }) => [{ ...document, messages: [stored[0]?.id] }];
  world.record.damage('messages-array-incomplete', { user: owner.hex, conversationId: chat.conversationId });
  return [chat];
};
