import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { EtlError } from '../errors.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import type { Batch, StageContext, Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';
import { analyseTree, depthFirst, pathTo } from '../tree/analyse-tree.ts';
import { conversationBranch, leafOf } from '../tree/conversation-branch.ts';
import { treeOf } from '../tree/conversation-tree.ts';

const options = z.strictObject({
  branches: z
    .enum(['active', 'all', 'split'])
    .default('active')
    .describe(
      'active: only the branch the source shows. all: every message, branch after branch, the one shown last. split: one record for each branch.',
    ),
  maxBranches: z
    .int()
    .positive()
    .default(1000)
    .describe(
      'With `split`: a conversation with more branches than this is rejected, because its copies would fill the memory.',
    ),
});
export type LinearizeOptions = z.input<typeof options>;

/**
 * Puts the messages of a conversation into one line: a list in which each message answers the one before it.
 *
 * - `active`: the way from the root to `tree.activeLeaf`. What is not on it is left out, and `branch` tells that there was more.
 * - `all`: nothing is left out; messages stand branch after branch, each as a whole after the message it answers.
 * - `split`: a record for each leaf. The active branch keeps the id; the others get `~` and their number (in the order of
 *   leaves, from 1) after `id` and `key`.
 *
 * A conversation that is in line already passes unchanged, with its JSON text. Works on any source's tree, without recursion.
 */
export function linearize(input: LinearizeOptions = {}): Transform<Conversation, Conversation> {
  const { branches, maxBranches } = options.parse(input);
  return syncTransform({ name: 'linearize', config: { branches, maxBranches } }, (ctx) => (batch) => {
    return expand(batch, (record) => lines(asConversation(record), branches, maxBranches), ctx);
  });
}

function lines(
  conversation: Conversation,
  branches: z.output<typeof options>['branches'],
  maxBranches: number,
): readonly Conversation[] {
  const { messages } = conversation;
  const shape = analyseTree(messages);
  if (branches === 'all') return [inOrder(conversation, depthFirst(shape))];
  const { leaves } = shape;
  const active = leafOf(conversation, shape);
  if (leaves.length <= 1 || branches === 'active') {
    return [
      leaves.length <= 1
        ? inOrder(conversation, pathTo(shape, shape.activeLeaf))
        : conversationBranch(conversation, shape, active, true),
    ];
  }
  if (leaves.length > maxBranches) {
    throw new EtlError('ETL_RECORD_TOO_LARGE', `expected at most ${maxBranches} branches, received ${leaves.length}`, {
      where: { record: conversation.id },
      hint: 'Raise `maxBranches`, or take `branches: active`.',
    });
  }
  return leaves.map((leaf) => conversationBranch(conversation, shape, leaf, leaf === active));
}

/** The same conversation with its messages in another order. */
function inOrder(conversation: Conversation, order: readonly number[]): Conversation {
  const { messages } = conversation;
  if (order.length === messages.length && order.every((place, rank) => place === rank)) return conversation;
  const ordered = order.flatMap((place) => messages[place] ?? []);
  return { ...conversation, messages: ordered, tree: treeOf(ordered, conversation.tree) };
}

/** One record to several, counted; a record for which it fails is rejected. A batch in which nothing changes stays as it is. */
function expand(
  batch: Batch<unknown>,
  change: (record: unknown) => readonly Conversation[],
  ctx: StageContext,
): Batch<Conversation> {
  const given: Conversation[] = [];
  const origins: number[] = [];
  let same = true;
  for (const [index, record] of batch.records.entries()) {
    try {
      const changed = change(record);
      if (changed.length !== 1 || changed[0] !== record) same = false;
      ctx.count('expanded', changed.length - 1, { batch });
      for (const conversation of changed) {
        given.push(conversation);
        origins.push(index);
      }
    } catch (error) {
      same = false;
      ctx.reject(record, error, { batch, index });
    }
  }
  // Every record passed as a conversation, and is itself.
  if (same) return batch as Batch<Conversation>;
  const { bytes, cursor, at } = batch;
  return { records: given, bytes, cursor, at: at === undefined ? undefined : (index) => at(origins[index] ?? -1) };
}

export const linearizeComponent = defineTransform({
  type: 'linearize',
  summary: 'Puts a conversation’s tree of messages into one line',
  details:
    '`active` keeps the branch the source shows, `all` every message branch after branch, `split` makes a record for each branch. ' +
    'The order of branches is that of their last messages in the record.',
  accepts: 'conversation',
  gives: 'conversation',
  options,
  examples: ['type: linearize', 'type: linearize\nbranches: split'],
  create: (input) => linearize(input),
});
