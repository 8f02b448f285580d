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

/** Ids of assistants: the usual one, and others by names. */
export interface PersonaIds {
  /** Absent: what is in no map has none. */
  readonly default?: number;
  /** By agent, model and endpoint, in this order. */
  readonly maps: readonly Readonly<Record<string, number>>[];
}

/**
 * Finds the assistants that the option names.
 *
 * @throws {EtlError} `ETL_CONFIG_NOT_FOUND`, `ETL_CONFIG_INVALID` for a map that cannot be read or that names an assistant
 *   which is not there.
 */
export async function openPersonas(client: PostgresClient, option: PersonaOption): Promise<PersonaIds> {
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
  const maps = [agents, models, endpoints].map((group = {}) =>
    Object.fromEntries(Object.entries(group).map(([key, wanted]) => [key, idOf(wanted)])),
  );
  const usual = idOf(otherwise);
  return unmapped === 'fail' ? { maps } : { default: usual, maps };
}

/** The assistant that a conversation belongs to. */
export function personaIn({ default: usual, maps }: PersonaIds, { settings }: Conversation): number | undefined {
  for (const [place, name] of namesIn(settings).entries()) {
    const map = maps[place];
    if (name !== undefined && map !== undefined && Object.hasOwn(map, name)) return map[name];
  }
  return usual;
}

/** The same. @throws {EtlError} `ETL_RECORD_INVALID` for a conversation that has none. */
export function requirePersona(personas: PersonaIds, conversation: Conversation): number {
  const found = personaIn(personas, conversation);
  if (found !== undefined) return found;
  const names = namesIn(conversation.settings).filter((name) => name !== undefined);
  const said = names.join(', ') || 'it names no agent, model or endpoint';
  throw new EtlError('ETL_RECORD_INVALID', `no assistant is mapped to this conversation (${said})`, {
    where: { record: conversation.id },
    hint: 'Add it to `persona.map`, or take `unmapped: default`.',
  });
}

function namesIn({ agentId, model, endpoint }: Conversation['settings']): readonly (string | undefined)[] {
  return [agentId, model, endpoint];
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
