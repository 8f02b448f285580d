import { channelsOf, parentIdOf, type HistoryEntry, type Runtime } from '../models/langgraph.ts';
import { stateUpdate, writableValue, type ChannelKind } from './state-update.ts';

/** A graph as the target knows it: what follows a node without a condition, and whether a condition decides. */
export interface GraphShape {
  readonly nodes: readonly string[];
  readonly edges: readonly { readonly source: string; readonly target: string; readonly conditional?: boolean }[];
}

export interface SuperstepOptions {
  readonly threadId: string;
  /** The target's: what it takes differs. */
  readonly runtime: Runtime;
  readonly graph: GraphShape;
  readonly kinds: ReadonlyMap<string, ChannelKind>;
  /** Nodes that say themselves where to go on, by a Command. */
  readonly commandNodes: ReadonlySet<string>;
}

/** One update of a superstep, as the API takes it. */
export interface NodeUpdate {
  readonly as_node: string;
  readonly values?: unknown;
  readonly command?: { readonly update: unknown; readonly goto: readonly string[] };
}

/** How to make one checkpoint again: on which one, and with which updates. */
export interface Superstep {
  /** The source's checkpoint. */
  readonly id: string;
  /** The source's checkpoint it is made on; nothing for a first one. */
  readonly on: string | undefined;
  readonly updates: readonly NodeUpdate[];
  /** Channels whose value cannot be brought about by an update. */
  readonly impossible: readonly string[];
}

/** What is needed of a checkpoint to make those that come after it. */
export interface Predecessor {
  readonly id: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly next: readonly string[];
  /** The nodes that ran after it, or wait to; one of several Sends as often as it was sent. */
  readonly tasks: readonly string[];
  readonly parentId: string | undefined;
}

export function predecessorOf(entry: HistoryEntry): Predecessor {
  return {
    id: entry.checkpoint.checkpoint_id,
    values: channelsOf(entry),
    next: entry.next,
    tasks: entry.tasks.map(({ name }) => name).filter((name) => name !== ''),
    parentId: parentIdOf(entry),
  };
}

/**
 * The superstep that makes one checkpoint again.
 *
 * The nodes that ran are the tasks of its parent. An input is written as `__input__`, which keeps its source and step; a
 * copy as `__copy__`. For an edit, which node it was made as is not told: the one that leads to the same next nodes.
 *
 * @param parent Its parent, or the first checkpoint there is when older ones were left out.
 * @param copied For an entry of source `fork`: the sibling it copies.
 */
export function historyToSuperstep(
  entry: HistoryEntry,
  parent: Predecessor | undefined,
  options: SuperstepOptions,
  copied?: string,
): Superstep {
  const id = entry.checkpoint.checkpoint_id;
  const on = parent?.id;
  const source = entry.metadata?.source;
  if (source === 'input' && entry.next.includes('__start__')) {
    const input = entry.tasks.find(({ name }) => name === '__start__')?.result;
    // An input without content is refused; the state before it stands in.
    const values = writableChannels(isFilled(input) ? input : channelsOf(entry), options);
    return { id, on, updates: [{ as_node: '__input__', values }], impossible: [] };
  }
  if (source === 'fork' && copied !== undefined)
    return { id, on: copied, updates: [{ as_node: '__copy__', values: null }], impossible: [] };
  const { values, impossible } = stateUpdate(parent?.values ?? {}, channelsOf(entry), options.kinds, options);
  const nodes = nodesBefore(entry, parent, options);
  const updates = nodes.map((node, index) => nodeUpdate(node, index === 0 ? values : {}, entry.next, options));
  return { id, on, updates, impossible };
}

/** The nodes an update has to be made as, in the order of their tasks. */
function nodesBefore(
  entry: HistoryEntry,
  parent: Predecessor | undefined,
  { graph }: SuperstepOptions,
): readonly string[] {
  const ran = (parent?.tasks ?? []).filter((name) => name === '__start__' || graph.nodes.includes(name));
  if (entry.metadata?.source !== 'update' && ran.length > 0) return ran;
  const leading = leadingTo(entry.next, graph);
  // Of several that lead there, one that was to run is the likelier.
  const likely = leading.find((node) => ran.includes(node)) ?? leading[0] ?? ran[0] ?? '__start__';
  return [likely];
}

/** What was found for each graph: all its threads come through the same few places. */
const foundLeading = new WeakMap<GraphShape, Map<string, readonly string[]>>();

/** Nodes whose edges lead to exactly these next nodes. */
function leadingTo(next: readonly string[], graph: GraphShape): readonly string[] {
  // A place that was sent to thousands of times is no place that others come through.
  if (next.length > 8) return findLeading(next, graph);
  const known = foundLeading.get(graph) ?? new Map<string, readonly string[]>();
  foundLeading.set(graph, known);
  const key = next.join('\n');
  const found = known.get(key) ?? findLeading(next, graph);
  known.set(key, found);
  return found;
}

function findLeading(next: readonly string[], { nodes, edges }: GraphShape): readonly string[] {
  const wanted = [...new Set(next)].sort().join('\n');
  const matches = (node: string, withConditions: boolean): boolean => {
    const own = edges.filter(({ source, conditional }) => source === node && (withConditions || conditional !== true));
    if (
      own.length === 0 ||
      (!withConditions && edges.some((edge) => edge.source === node && edge.conditional === true))
    )
      return false;
    const targets = own.map(({ target }) => target).filter((target) => target !== '__end__');
    if (withConditions) return next.length > 0 && next.every((name) => targets.includes(name));
    return [...new Set(targets)].sort().join('\n') === wanted;
  };
  const candidates = nodes.filter((node) => node !== '__end__');
  const sure = candidates.filter((node) => matches(node, false));
  return sure.length > 0 ? sure : candidates.filter((node) => matches(node, true));
}

function nodeUpdate(
  node: string,
  values: Readonly<Record<string, unknown>>,
  next: readonly string[],
  { commandNodes, graph }: SuperstepOptions,
): NodeUpdate {
  if (!commandNodes.has(node)) return { as_node: node, values };
  const follow = new Set(graph.edges.filter(({ source }) => source === node).map(({ target }) => target));
  const goto = next.filter((name) => follow.size === 0 || follow.has(name));
  return { as_node: node, command: { update: values, goto } };
}

function writableChannels(
  values: Readonly<Record<string, unknown>>,
  { threadId, runtime }: SuperstepOptions,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, writableValue(value, `${threadId}/${name}`, runtime)]),
  );
}

function isFilled(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

/** Whether two checkpoints have the same values and next nodes: one may be a copy of the other. */
export function isCopyOf(entry: HistoryEntry, other: Predecessor): boolean {
  return other.parentId === parentIdOf(entry) && JSON.stringify(other.next) === JSON.stringify(entry.next);
}
