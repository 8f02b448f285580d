import type { Document, ObjectId } from 'bson';
import { ATTACHMENT_KINDS, makeAttachment } from './attachments.ts';
import { answerContent, parallelContent, scaled } from './content-parts.ts';
import type { Chat, MessagePlan, World } from './types.ts';

const FEEDBACK_TAGS = [
  'not_matched',
  'inaccurate',
  'accurate_reliable',
  { key: 'creative_solution', label: 'Creative' },
] as const;
// The order in which version 0.6 and 0.7 wrote the fields; what is not named comes last.
const CLASSIC_ORDER = [
  '_id',
  'messageId',
  '__v',
  '_meiliIndex',
  'conversationId',
  'createdAt',
  'error',
  'isCreatedByUser',
  'isEdited',
  'model',
  'parentMessageId',
  'sender',
  'text',
  'tokenCount',
  'unfinished',
  'updatedAt',
  'user',
];

/** Builds one stored message of the chat's era, fields in the order the database keeps them. */
export function messageDocument(world: World, chat: Chat, plan: MessagePlan, id: ObjectId, timeMs: number): Document {
  const fields: Document = {
    _id: id,
    messageId: plan.messageId,
    user: chat.owner.hex,
    __v: 0,
    _meiliIndex: true,
    conversationId: chat.conversationId,
    createdAt: new Date(timeMs),
    updatedAt: new Date(timeMs + (plan.isUser ? 3 : 1500)),
    error: false,
    isCreatedByUser: plan.isUser,
    parentMessageId: plan.parentId,
    unfinished: false,
    ...(chat.era === 'classic' ? { isEdited: false } : { endpoint: chat.endpoint, expiredAt: null }),
    ...(plan.isUser ? userFields(world) : answerFields(world, chat)),
  };
  if (!chat.isPlain && !plan.isUser) Object.assign(fields, answerExtras(world, chat, fields, plan.messageId, timeMs));
  if (plan.bigBytes !== undefined) addBigPart(world, fields, plan.bigBytes);
  Object.assign(fields, plan.set);
  return inStoredOrder(chat.era, fields);
}

/** Fields whose value is `undefined` are left out, as an update does. */
export function inStoredOrder(
  era: Chat['era'],
  fields: Document,
  classic: readonly string[] = CLASSIC_ORDER,
): Document {
  const names = Object.keys(fields).filter((name) => fields[name] !== undefined);
  const first = ['_id', classic[1] as string, 'user', ...(era === 'imported' ? [] : ['__v'])]; // the id field is second in each list
  const order =
    era === 'classic' ? classic.filter((name) => names.includes(name)) : first.filter((name) => names.includes(name));
  const rest = names.filter((name) => !order.includes(name) && (era !== 'imported' || name !== '__v'));
  if (era !== 'classic') rest.sort(); // `$set` adds fields by name
  return Object.fromEntries([...order, ...rest].map((name) => [name, fields[name]]));
}

function userFields(world: World): Document {
  const text = world.text.prose(scaled(world, 120, 1.6, 65_536));
  return {
    sender: 'User',
    text,
    tokenCount: Math.ceil(text.length / 4),
    ...(world.random.chance(0.7) ? { model: null } : {}),
  };
}

function answerFields(world: World, chat: Chat): Document {
  const length = scaled(world, 1100, 1, 60_000);
  const hasContent =
    chat.era === 'current' || chat.agentId !== undefined || (chat.era === 'agents' && world.random.chance(0.4));
  const words = hasContent
    ? { text: '', content: answerContent(world, chat, length) }
    : { text: world.text.markdown(length) };
  return {
    sender: chat.agentId === undefined ? senderOf(chat.model) : 'Researcher',
    model: chat.agentId ?? chat.model,
    ...words,
    tokenCount: Math.ceil(length / 4),
  };
}

/** What happens to some answers: errors, aborts, feedback, attachments, plugins, provider blobs. */
function answerExtras(world: World, chat: Chat, fields: Document, messageId: string, timeMs: number): Document {
  const { random, record } = world;
  const extras: Document = {};
  const fate = random.next();
  if (fate < 0.02) {
    Object.assign(extras, {
      error: true,
      content: undefined,
      text: JSON.stringify({ type: 'token_balance', balance: 0, tokenCost: 1200 }),
    });
  } else if (fate < 0.04) {
    extras.unfinished = true;
  } else if (fields.content !== undefined && fate < 0.05) {
    Object.assign(extras, { addedConvo: true, content: parallelContent(world, 'answered') });
  }
  if (random.chance(0.015)) {
    extras.feedback = {
      rating: random.pick(['thumbsUp', 'thumbsDown']),
      tag: random.pick<unknown>(FEEDBACK_TAGS),
      ...(random.chance(0.3) ? { text: 'wrong "year"' } : {}),
    };
  }
  if (chat.era !== 'classic' && random.chance(0.1))
    extras.attachments = [makeAttachment(world, chat, random.pick(ATTACHMENT_KINDS), messageId, timeMs)];
  if (chat.era === 'current' && random.chance(0.03)) {
    const signature = record.secret('messages.metadata.thoughtSignatures', random.letters(200));
    extras.metadata = { thoughtSignatures: { [`call_${random.letters(8)}`]: signature } };
  }
  if (chat.era === 'current') extras.contextMeta = { calibrationRatio: 1.25, encoding: 'o200k_base' };
  if (chat.era === 'classic' && random.chance(0.05)) {
    extras.plugin = {
      latest: 'web',
      inputs: [{ plugin: 'web', thought: 'look', input: '"x"' }],
      outputs: '[]',
      loading: false,
    };
  }
  return extras;
}

/** Tool output as image servers give it: base64 in a string. */
function addBigPart(world: World, fields: Document, bytes: number): void {
  const block = Buffer.from(world.random.bytes(3 * 1024)).toString('base64');
  const output = `data:image/png;base64,${block.repeat(Math.ceil(bytes / block.length)).slice(0, bytes)}`;
  const call = {
    id: `call_${world.random.letters(24)}`,
    name: 'screenshot_mcp_browser',
    args: '{}',
    type: 'tool_call',
    progress: 1,
    output,
  };
  fields.content = [...((fields.content as Document[] | undefined) ?? []), { type: 'tool_call', tool_call: call }];
}

function senderOf(model: string): string {
  if (model.startsWith('claude')) return 'Claude';
  return model.startsWith('gemini') ? 'Gemini' : 'GPT-4o';
}
