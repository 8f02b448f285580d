import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import type { PostgresClient } from '../../connections/postgres.ts';
import { EtlError, describeCause } from '../../errors.ts';
import type { Conversation } from '../../models/conversation.ts';

/** An assistant of Onyx: its id, or its name. */
const assistant = z.union([z.int().min(0), z.string().min(1)]);
const personaMap = z.strictObject({
  agents: z.record(z.string(), assistant).optional().describe("By the agent's id."),
  models: z.record(z.string(), assistant).optional().describe("By the model's name."),
  endpoints: z.record(z.string(), assistant).optional().describe("By the provider's name."),
});

/** Which assistant imported chats belong to. */
export const personaOption = z.union([
  z.int().min(0),
  z.strictObject({
    default: assistant.default(0).describe('The assistant of all others: its id or name. 0 is the built-in one.'),
    map: z
      .union([z.string().min(1), personaMap])
      .optional()
      .describe('Assistants by agent, model or endpoint, in this order: here, or in a JSON or YAML file.')
      .meta({ examples: ['./personas.yaml'] }),
    unmapped: z
      .enum(['default', 'fail'])
      .default('default')
      .describe('What to do with a conversation whose agent, model and endpoint are not in the map.'),
  }),
]);
export type PersonaOption = z.output<typeof personaOption>;

/**
 * Gives the function that says which assistant a conversation belongs to.
 *
 * @throws {EtlError} `ETL_CONFIG_NOT_FOUND`, `ETL_CONFIG_INVALID` for a map that cannot be read or that names an assistant
 *   which is not there. The function throws `ETL_RECORD_INVALID` for a conversation that is in no map under `unmapped: fail`.
 */
export async function openPersonas(
  client: PostgresClient,
  option: PersonaOption,
): Promise<(conversation: Conversation) => number> {
  const { default: otherwise, map, unmapped } = typeof option === 'number' ? numbered(option) : option;
  const { rows } = await client.query<{ id: number; name: string }>('select id, name from persona where not deleted');
  const idOf = (wanted: number | string): number => {
    const found = rows.filter(({ id, name }) => (typeof wanted === 'number' ? id === wanted : name === wanted));
    const [only] = found;
    if (only !== undefined && found.length === 1) return only.id;
    const names = rows.map(({ id, name }) => `${id} "${name}"`).slice(0, 20);
    throw new EtlError(
      'ETL_CONFIG_INVALID',
      `there is ${found.length === 0 ? 'no' : 'more than one'} persona ${JSON.stringify(wanted)} in this Onyx`,
      { hint: `Choose \`persona\`: ${names.join(', ') || 'there are none'}.` },
    );
  };
  const { agents, models, endpoints } = await readMap(map);
  const groups = [agents, models, endpoints].map(
    (group = {}) => new Map(Object.entries(group).map(([key, wanted]) => [key, idOf(wanted)])),
  );
  const usual = idOf(otherwise);
  return ({ settings, id: record }) => {
    const names = [settings.agentId, settings.model, settings.endpoint];
    for (const [place, name] of names.entries()) {
      const found = name === undefined ? undefined : groups[place]?.get(name);
      if (found !== undefined) return found;
    }
    if (unmapped === 'default') return usual;
    const said = names.filter((name) => name !== undefined).join(', ') || 'it names no agent, model or endpoint';
    throw new EtlError('ETL_RECORD_INVALID', `no assistant is mapped to this conversation (${said})`, {
      where: { record },
      hint: 'Add it to `persona.map`, or take `unmapped: default`.',
    });
  };
}

function numbered(id: number): Exclude<PersonaOption, number> {
  return { default: id, unmapped: 'default' };
}

async function readMap(map: Exclude<PersonaOption, number>['map']): Promise<z.output<typeof personaMap>> {
  if (map === undefined) return {};
  if (typeof map !== 'string') return map;
  const text = await readFile(map, 'utf8').catch((cause: unknown) => {
    throw new EtlError('ETL_CONFIG_NOT_FOUND', `the map of assistants cannot be read: ${describeCause(cause)}`, {
      where: { file: map },
      cause,
    });
  });
  const { parse } = await import('yaml');
  try {
    // JSON is YAML, too.
    return personaMap.parse(parse(text));
  } catch (cause) {
    const what = cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll('\n', ' ') : describeCause(cause);
    throw new EtlError('ETL_CONFIG_INVALID', `the map of assistants is not as it should be: ${what}`, {
      where: { file: map },
      hint: 'Expected "agents", "models" and "endpoints", each with the id or name of an assistant by name.',
      cause,
    });
  }
}
