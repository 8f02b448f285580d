import { isDeepStrictEqual } from 'node:util';

import { isAnswer } from '../../connections/langgraph-errors.ts';
import { isPage } from '../../connections/langgraph-thread-faults.ts';
import type { ThrowawayThreads } from '../../connections/langgraph-throwaway.ts';
import { EtlError } from '../../errors.ts';
import { roughJsonLength } from '../../json-equal.ts';
import type { GraphShape } from '../../mappings/history-to-supersteps.ts';
import { writableValue, type ChannelKind } from '../../mappings/state-update.ts';
import { isMessageList } from '../../mappings/writable-message.ts';
import type { TargetServer } from './target-server.ts';

type Channels = Readonly<Record<string, unknown>>;

/**
 * How the channels of the target's graphs take updates, found out by trying on threads that are deleted again.
 *
 * No node runs for it. A graph is tried once for all channels that its first thread has, again for those that come later.
 */
export class ChannelKinds {
  readonly #server: TargetServer;
  readonly #throwaway: ThrowawayThreads;
  readonly #given: ReadonlyMap<string, ChannelKind>;
  readonly #kinds = new Map<string, Map<string, ChannelKind>>();
  #last: Promise<unknown> = Promise.resolve();

  /** @param given What the user says about channels, by name, for all graphs. */
  constructor(server: TargetServer, throwaway: ThrowawayThreads, given: Readonly<Record<string, ChannelKind>> = {}) {
    this.#server = server;
    this.#throwaway = throwaway;
    this.#given = new Map(Object.entries(given));
  }

  /** The kinds of a graph's channels, of all that have a value in `sample` at least. */
  async of(graphId: string, sample: Channels): Promise<ReadonlyMap<string, ChannelKind>> {
    const known = this.#knownOf(graphId);
    if (!hasUnknown(known, sample)) return known;
    // One at a time: the threads that wait mostly have the same channels.
    const turn = this.#last.then(async () => {
      if (!hasUnknown(known, sample)) return;
      const wanted = Object.entries(sample).filter(([name, value]) => isTelling(value) && !known.has(name));
      const found = await this.#probe(graphId, mapValues(Object.fromEntries(wanted), shortened));
      for (const [name, kind] of found) known.set(name, kind);
    });
    this.#last = turn.catch(() => undefined);
    await turn;
    return known;
  }

  /** Whether the kinds of all channels that have a value in `sample` are known. */
  knows(graphId: string, sample: Channels): boolean {
    const known = this.#kinds.get(graphId);
    return known !== undefined && !hasUnknown(known, sample);
  }

  #knownOf(graphId: string): Map<string, ChannelKind> {
    let known = this.#kinds.get(graphId);
    if (known === undefined) {
      known = new Map(this.#given);
      this.#kinds.set(graphId, known);
    }
    return known;
  }

  async #probe(graphId: string, sample: Channels): Promise<ReadonlyMap<string, ChannelKind>> {
    const node = plainNode(await this.#server.graphs.of(graphId));
    try {
      return await this.#probeAll(graphId, node, sample);
    } catch (error) {
      if (!isAnswer(error) || isPage(error)) throw error;
    }
    // One channel refuses to be tried: each by itself, and that one is taken for an ordinary one.
    const kinds = new Map<string, ChannelKind>();
    for (const [name, value] of Object.entries(sample)) {
      try {
        for (const [, kind] of await this.#probeAll(graphId, node, { [name]: value })) kinds.set(name, kind);
      } catch (error) {
        if (!isAnswer(error) || isPage(error)) throw error;
        kinds.set(name, 'last');
      }
    }
    return kinds;
  }

  async #probeAll(graphId: string, node: string, sample: Channels): Promise<ReadonlyMap<string, ChannelKind>> {
    const { runtime } = this.#server;
    const written = mapValues(sample, (value) => writableValue(value, 'probe', runtime));
    const messages = Object.keys(sample).filter((name) => isMessageList(sample[name]));
    const others = Object.keys(sample).filter((name) => !messages.includes(name));
    const again: Record<string, unknown> = {};
    // A removal of everything shows a channel of messages; it is refused by a list of anything else.
    for (const name of messages) again[name] = [{ type: 'remove', id: '__remove_all__', content: '' }];
    for (const name of others) again[name] = { __overwrite__: written[name] };
    const after = await this.#stateAfter(graphId, node, [written, again]);
    const kinds = new Map<string, ChannelKind>();
    for (const name of messages) {
      const value = after[name];
      if (value === undefined || (Array.isArray(value) && value.length === 0)) kinds.set(name, 'messages');
      else for (const [, kind] of await this.#probeList(graphId, node, name, written[name])) kinds.set(name, kind);
    }
    const unsure: string[] = [];
    for (const name of others) {
      const value = after[name];
      if (isOverwrite(value)) kinds.set(name, 'last');
      else if (isDeepStrictEqual(value, sample[name])) kinds.set(name, 'reducer');
      else unsure.push(name);
    }
    for (const name of unsure) kinds.set(name, await this.#probeOld(graphId, node, name, written[name]));
    return kinds;
  }

  /** A list of messages that is not merged by id: an ordinary channel, or a list that is added to. */
  async #probeList(graphId: string, node: string, name: string, value: unknown): Promise<[string, ChannelKind][]> {
    const after = await this.#stateAfter(graphId, node, [{ [name]: value }, { [name]: { __overwrite__: value } }]);
    if (isOverwrite(after[name])) return [[name, 'last']];
    const isSame = Array.isArray(after[name]) && after[name].length === (value as readonly unknown[]).length;
    return [[name, isSame ? 'reducer' : 'append']];
  }

  /** A reducer of a server that knows no overwrite: whether it adds, by writing the same value twice. */
  async #probeOld(graphId: string, node: string, name: string, value: unknown): Promise<ChannelKind> {
    const after = (await this.#stateAfter(graphId, node, [{ [name]: value }, { [name]: value }]))[name];
    if (Array.isArray(value) && Array.isArray(after) && after.length === 2 * value.length) return 'append';
    if (typeof value === 'number' && after === 2 * value) return 'sum';
    return isDeepStrictEqual(after, value) ? 'last' : 'unknown';
  }

  async #stateAfter(graphId: string, node: string, updates: readonly Channels[]): Promise<Channels> {
    const metadata = { graph_id: graphId, threadmill: 'probe' };
    const supersteps = updates.map((values) => ({ updates: [{ as_node: node, values }] }));
    for (let tries = 1; ; tries++) {
      try {
        return await this.#throwaway.use(async (threadId) => {
          await this.#server.create({ threadId, metadata, supersteps });
          return await this.#server.state(threadId);
        });
      } catch (error) {
        // Whether it took effect does not matter: another try has a thread of its own.
        const isBroken = error instanceof EtlError && error.code === 'ETL_CONNECT_FAILED';
        if (!isBroken || tries >= this.#server.attempts) throw error;
        await this.#server.rest(tries);
      }
    }
  }
}

function hasUnknown(known: ReadonlyMap<string, unknown>, sample: Channels): boolean {
  for (const name in sample) if (!known.has(name) && isTelling(sample[name])) return true;
  return false;
}

/** Whether a value tells anything about its channel: null and what is empty do not. */
function isTelling(value: unknown): boolean {
  if (value === null || value === undefined || value === 0 || value === '') return false;
  return !(Array.isArray(value) && value.length === 0);
}

/** A node that takes all channels: any but the first, which takes the input's only. */
function plainNode({ nodes, edges }: GraphShape): string {
  const plain = nodes.filter((node) => node !== '__start__' && node !== '__end__');
  // One without conditions runs no code of the graph when it is written as.
  const quiet = plain.find((node) => !edges.some(({ source, conditional }) => source === node && conditional === true));
  return quiet ?? plain[0] ?? '__start__';
}

/** Longest value, in bytes of JSON, that a channel is tried with as it is. */
const maxSampleBytes = 20_000;

/** A value to try a channel with: how it takes updates does not depend on how much is in it. */
function shortened(value: unknown): unknown {
  if (roughJsonLength(value) <= maxSampleBytes) return value;
  // Not in the middle of a character.
  if (typeof value === 'string') return value.slice(0, 1000).replace(/[\ud800-\udbff]$/, '');
  if (Array.isArray(value)) return value.slice(0, 3).map(shortened);
  return mapValues(value as Channels, shortened);
}

function isOverwrite(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '__overwrite__' in value;
}

function mapValues(values: Channels, change: (value: unknown) => unknown): Channels {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
