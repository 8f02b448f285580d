import { z } from 'zod';

import { defineTransform } from '../component.ts';
import { mapBatch } from '../map-batch.ts';
import { asConversation, type Conversation } from '../models/conversation.ts';
import type { Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';
import { treeOf } from '../tree/conversation-tree.ts';

const options = z.strictObject({});
export type DetectBranchesOptions = z.input<typeof options>;

/**
 * Describes the tree of each conversation anew in `tree`: roots, leaves, branch points, missing parents, depth, and whether
 * it branches at all.
 *
 * For records whose messages were changed on the way, or made by something that does not describe trees. Works on any
 * source's conversations. Siblings count in the order of the list; an active leaf and repairs that are on the record stay. A
 * record that is described rightly passes unchanged, with its JSON text. Records that are no conversations are rejected.
 */
export function detectBranches(input: DetectBranchesOptions = {}): Transform<Conversation, Conversation> {
  options.parse(input);
  return syncTransform(
    { name: 'detect-branches', config: {} },
    (ctx) => (batch) => mapBatch(batch, describe, ctx, { isPure: true }),
  );
}

function describe(record: unknown): Conversation {
  const conversation = asConversation(record);
  // Other writers may leave the tree out.
  const known: Partial<Conversation['tree']> | undefined = conversation.tree;
  const tree = treeOf(conversation.messages, known);
  return JSON.stringify(tree) === JSON.stringify(known) ? conversation : { ...conversation, tree };
}

export const detectBranchesComponent = defineTransform({
  type: 'detect-branches',
  summary: 'Finds branch points, leaves and missing parents of conversations',
  details:
    'Writes `tree`: `hasBranching`, `roots`, `leaves`, `activeLeaf`, `branchPoints`, `missingParentIds`, `depth`. ' +
    'LibreChat sources describe their trees themselves; use it after a stage that changes messages.',
  accepts: 'conversation',
  gives: 'conversation',
  options,
  examples: ['type: detect-branches'],
  create: (input) => detectBranches(input),
});
