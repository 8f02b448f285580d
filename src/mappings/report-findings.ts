import type { Loss } from './loss.ts';
import type { Conversation } from '../models/conversation.ts';
import type { StageContext } from '../stage.ts';

/** Has the run report count what was mended in a conversation and what was left behind. */
export function reportFindings(ctx: Pick<StageContext, 'warn'>, { tree }: Conversation, losses: readonly Loss[]): void {
  for (const { kind } of tree.repairs) ctx.warn(`mended: ${kind}`);
  for (const { kind, detail } of losses) ctx.warn(`left behind: ${kind} in ${detail}`);
}
