import { z } from 'zod';

import { CONVERSATION_SCHEMA } from './conversation.ts';

const time = z.string().regex(/^[+-]?\d{4,6}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3,6}Z$/);
const extra = z.record(z.string(), z.json()).optional();
const anyPart = {
  agentId: z.string().optional(),
  groupId: z.union([z.number(), z.string()]).optional(),
  sourceType: z.string().optional(),
  extra,
};

const part = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('text'),
    text: z.string(),
    role: z.enum(['user', 'system']).optional(),
    ...anyPart,
  }),
  z.strictObject({ type: z.literal('reasoning'), text: z.string(), label: z.string().optional(), ...anyPart }),
  z.strictObject({
    type: z.literal('toolCall'),
    id: z.string().nullable(),
    name: z.string(),
    arguments: z.json(),
    ...anyPart,
  }),
  z.strictObject({
    type: z.literal('toolResult'),
    callId: z.string().nullable(),
    name: z.string().optional(),
    output: z.json(),
    failed: z.literal(true).optional(),
    ...anyPart,
  }),
  z.strictObject({
    type: z.literal('file'),
    fileId: z.string().optional(),
    name: z.string().optional(),
    mediaType: z.string().optional(),
    url: z.string().optional(),
    callId: z.string().optional(),
    ...anyPart,
  }),
  z.strictObject({
    type: z.literal('citation'),
    callId: z.string().optional(),
    turn: z.number().optional(),
    sources: z.array(
      z.strictObject({
        list: z.string().optional(),
        title: z.string().optional(),
        url: z.string().optional(),
        text: z.string().optional(),
        fileId: z.string().optional(),
        extra,
      }),
    ),
    ...anyPart,
  }),
  z.strictObject({ type: z.literal('error'), text: z.string(), ...anyPart }),
  z.strictObject({
    type: z.literal('other'),
    value: z.json(),
    text: z.string().optional(),
    ...anyPart,
    sourceType: z.string(),
  }),
]);

const message = z.strictObject({
  id: z.string(),
  parentId: z.string().nullable(),
  role: z.enum(['user', 'assistant', 'system', 'tool']),
  name: z.string().optional(),
  recipient: z.string().optional(),
  channel: z.string().optional(),
  hidden: z.literal(true).optional(),
  createdAt: time.nullable(),
  updatedAt: time.optional(),
  parts: z.array(part),
  model: z.string().optional(),
  endpoint: z.string().optional(),
  tokens: z.number().optional(),
  finishReason: z.string().optional(),
  feedback: z
    .strictObject({
      rating: z.enum(['up', 'down']).nullable(),
      tag: z.string().optional(),
      text: z.string().optional(),
      extra,
    })
    .optional(),
  unfinished: z.literal(true).optional(),
  failed: z.literal(true).optional(),
  source: z.strictObject({ recordId: z.string().optional(), extra }).optional(),
});

const file = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  mediaType: z.string().optional(),
  bytes: z.number().optional(),
  sha256: z.string().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  createdAt: time.optional(),
  text: z.string().optional(),
  storage: z.string().optional(),
  paths: z.array(z.string()).optional(),
  url: z.string().optional(),
  unavailable: z
    .enum(['refused', 'providerOnly', 'textOnly', 'indexOnly', 'expired', 'neverExported', 'missing', 'unknownStorage'])
    .optional(),
  fromMessage: z.literal(true).optional(),
  extra,
});

/**
 * Checks a whole conversation record: every field, in every part of every message.
 *
 * Strict: a field that `docs/conversation.md` does not know is an error, so that sources keep their own in `extra`. It is for
 * tests and `etl test`; on the hot path stages use `asConversation`.
 */
export const conversationSchema = z.strictObject({
  schema: z.literal(CONVERSATION_SCHEMA),
  id: z.string().min(1),
  key: z.string().min(1),
  owner: z.strictObject({
    id: z.string(),
    email: z.string().optional(),
    name: z.string().optional(),
    username: z.string().optional(),
    directoryId: z.string().optional(),
  }),
  title: z.string().nullable(),
  createdAt: time.nullable(),
  updatedAt: time.nullable(),
  archived: z.boolean(),
  archivedAt: time.optional(),
  pinned: z.boolean(),
  temporary: z.boolean(),
  expiresAt: time.optional(),
  tags: z.array(z.string()),
  project: z.strictObject({ id: z.string(), name: z.string().optional() }).nullable(),
  settings: z.strictObject({
    endpoint: z.string().optional(),
    model: z.string().optional(),
    agentId: z.string().optional(),
    agent: z
      .strictObject({ name: z.string().optional(), provider: z.string().optional(), model: z.string().optional() })
      .optional(),
    systemPrompt: z.string().optional(),
    parameters: z.record(z.string(), z.json()).optional(),
  }),
  messages: z.array(message),
  tree: z.strictObject({
    hasBranching: z.boolean(),
    roots: z.array(z.string()),
    leaves: z.array(z.string()),
    activeLeaf: z.string().nullable(),
    branchPoints: z.array(z.string()),
    missingParentIds: z.array(z.string()),
    depth: z.int().nonnegative(),
    repairs: z.array(
      z.strictObject({ kind: z.string(), messageId: z.string().optional(), detail: z.string().optional() }),
    ),
  }),
  files: z.array(file),
  branch: z
    .strictObject({ of: z.string(), leaf: z.string(), number: z.int(), count: z.int(), active: z.boolean() })
    .optional(),
  source: z.strictObject({
    system: z.string(),
    recordId: z.string().optional(),
    orphan: z.literal(true).optional(),
    dropped: z.array(z.json()).optional(),
    extra,
  }),
});
