import type { Json } from '../json.ts';
import type { OnyxMessage } from '../models/onyx.ts';
import type { OnyxDatabase } from '../sinks/onyx/generation.ts';
import { digestOf, digestSql, plain, storable } from './onyx-verify-values.ts';

/** Tool calls as far as the database's generation has a place for them. */
export function expectedCalls({ toolCalls }: OnyxMessage, { generation, has }: OnyxDatabase): Json[] {
  if (generation !== 'C')
    return toolCalls
      .slice(0, has('tool', 'name') ? 1 : 0)
      .map((call) => [
        plain(call.name),
        plain(call.name),
        storable(call.arguments),
        digestOf(plain(call.response) ?? ''),
      ]);
  return toolCalls.map((call) => [
    plain(call.name),
    plain(call.id),
    call.turn,
    0,
    call.tokens,
    storable(call.arguments),
    digestOf(plain(call.response) ?? ''),
    plain(call.reasoning),
  ]);
}

/** The same as they are stored: an expression on the message `m`. */
export function storedCalls({ generation, has }: OnyxDatabase): string {
  if (generation === 'C')
    return `(select jsonb_agg(jsonb_build_array(t.name, c.tool_call_id, c.turn_number, c.tab_index, c.tool_call_tokens, c.tool_call_arguments, ${digestSql('c.tool_call_response')},
             c.reasoning_tokens) order by c.turn_number, c.id)
           from tool_call c left join tool t on t.id = c.tool_id where c.parent_chat_message_id = m.id)`;
  // Up to v2.5: one call a message at most, with its result as JSON.
  const [name, join] = has('tool', 'name') ? ['t.name', 'left join tool t on t.id = c.tool_id'] : ['null', ''];
  return `(select jsonb_agg(jsonb_build_array(${name}, c.tool_name, c.tool_arguments,
             case jsonb_typeof(c.tool_result) when 'string' then ${digestSql("c.tool_result #>> '{}'")} end) order by c.id)
           from tool_call c ${join} where c.message_id = m.id)`;
}
