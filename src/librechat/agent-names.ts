import { wholeDocument } from '../mappings/librechat-thin.ts';
import type { Conversation, Settings } from '../models/conversation.ts';
import type { StageContext } from '../stage.ts';
import type { LibrechatInput } from './librechat-input.ts';

type Agent = NonNullable<Settings['agent']>;

/** What agents are called and run on, by their id (`agent_…`): conversations name them by that only. */
export async function agentNames(input: LibrechatInput, ctx: StageContext): Promise<Map<string, Agent>> {
  const agents = new Map<string, Agent>();
  for await (const { bytes, starts, ends, count } of input.read('agents', {}, ctx)) {
    for (let i = 0; i < count; i++) {
      const { id, name, provider, model } = wholeDocument(Buffer.from(bytes.subarray(starts[i], ends[i])));
      if (typeof id !== 'string') continue;
      agents.set(id, {
        ...(typeof name === 'string' && { name }),
        ...(typeof provider === 'string' && { provider }),
        ...(typeof model === 'string' && { model }),
      });
    }
  }
  return agents;
}

/** The conversation with what its agent is, where that is known. */
export function withAgent(conversation: Conversation, agents: ReadonlyMap<string, Agent>): Conversation {
  const agent = agents.get(conversation.settings.agentId ?? '');
  return agent === undefined ? conversation : { ...conversation, settings: { ...conversation.settings, agent } };
}
