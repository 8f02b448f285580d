import type { Loss } from './loss.ts';
import type { Conversation } from '../models/conversation.ts';
import type { RecordOrigin, StageContext } from '../stage.ts';

/** Has the run report count what was mended in a conversation and what was left behind. */
export function reportFindings(
  ctx: Pick<StageContext, 'finding'>,
  { tree }: Pick<Conversation, 'tree'>,
  losses: readonly Loss[],
  from?: RecordOrigin,
): void {
  for (const { kind } of tree.repairs) ctx.finding(`mended: ${kind}`, 1, from);
  for (const { kind, detail } of losses) ctx.finding(`left behind: ${kind} in ${detail}`, 1, from);
}
