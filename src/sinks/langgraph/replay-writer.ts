import { httpStatusOf, isPassing, isTaken } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import { roughJsonLength } from '../../json-equal.ts';
import {
  historyToSuperstep,
  predecessorOf,
  type Predecessor,
  type Superstep,
  type SuperstepOptions,
} from '../../mappings/history-to-supersteps.ts';
import { channelsOf, namespaceOf, parentIdOf, type HistoryEntry } from '../../models/langgraph.ts';
import type { ChannelKinds } from './channel-kinds.ts';
import { KeptPredecessors } from './kept-predecessors.ts';
import { MadeCheckpoints } from './made-checkpoints.ts';
import { MatchedBeginning } from './matched-beginning.ts';
import { Losses, type ThreadToWrite, type ThreadWriter, type WrittenThread } from './thread-writer.ts';
import type { TargetServer } from './target-server.ts';

/** A request holds at most so many supersteps, and about so many bytes. */
const maxSupersteps = 250;
const maxBytes = 4_000_000;

/**
 * Makes a thread's history again by the API: one superstep for each checkpoint, in the order they came about, each on the
 * checkpoint it was made on. Values, parents, order and next nodes become the same; ids, times and what subgraphs did do not.
 *
 * Supersteps that follow one another go in one request. Where an answer is lost, or a server fails in the middle, what is on
 * the target tells how far it came, and the rest is written from there.
 */
export class ReplayWriter implements ThreadWriter {
  readonly #server: TargetServer;
  readonly #channels: ChannelKinds;
  readonly #thread: ThreadToWrite & { readonly graphId: string };
  readonly #commandNodes: ReadonlySet<string>;
  readonly #signal: AbortSignal;
  readonly #losses = new Losses();
  readonly #made: MadeCheckpoints;
  /** What of the thread was there before. */
  readonly #beginning: MatchedBeginning | undefined;
  readonly #before: KeptPredecessors;
  /** What supersteps are made with, as soon as it is known. */
  #options: SuperstepOptions | undefined;
  #pending: Superstep[] = [];
  #pendingBytes = 0;
  #isThere: boolean;
  #metadata: Readonly<Record<string, unknown>> | undefined;

  constructor(
    thread: ThreadToWrite & { readonly graphId: string },
    {
      server,
      channels,
      commandNodes,
      signal,
    }: {
      readonly server: TargetServer;
      readonly channels: ChannelKinds;
      readonly commandNodes: ReadonlySet<string>;
      readonly signal: AbortSignal;
    },
  ) {
    this.#thread = thread;
    this.#server = server;
    this.#channels = channels;
    this.#commandNodes = commandNodes;
    this.#signal = signal;
    this.#isThere = thread.existing !== undefined;
    this.#made = new MadeCheckpoints(server, thread.threadId);
    if (this.#isThere) this.#beginning = new MatchedBeginning(server, thread, this.#made, this.#losses);
    this.#before = new KeptPredecessors(thread.isWhole);
  }

  async add(entries: readonly HistoryEntry[]): Promise<void> {
    for (const entry of entries) {
      if (namespaceOf(entry) !== '') {
        this.#losses.add('checkpoints of subgraphs');
        continue;
      }
      this.#beginning?.skipEndMark();
      const beginning = this.#beginning;
      if (beginning === undefined || beginning.isOver || !(await beginning.has(entry))) {
        // Mostly nothing has to be waited for, and a promise for each checkpoint would cost more than its superstep.
        const step = this.#stepNow(entry) ?? (await this.#step(entry));
        this.#losses.add('channels that no update unsets', step.impossible.length);
        if (this.#follows(step)) this.#queue(step);
        else await this.#branchOff(step);
        if (this.#pending.length >= maxSupersteps || this.#pendingBytes >= maxBytes) await this.#flush();
      }
      this.#before.add(entry);
    }
  }

  async finish(): Promise<WrittenThread> {
    await this.#flush();
    this.#beginning?.skipEndMark();
    if (!this.#isThere) await this.#create([]);
    return { order: this.#made.order, losses: this.#losses.counts, metadata: this.#metadata };
  }

  /** How a checkpoint is made again; nothing when something has to be asked for first. */
  #stepNow(entry: HistoryEntry): Superstep | undefined {
    const options = this.#options;
    if (options === undefined || !this.#channels.knows(this.#thread.graphId, channelsOf(entry))) return undefined;
    const parentId = parentIdOf(entry);
    const parent = parentId === undefined ? undefined : this.#before.get(parentId);
    return parent === undefined && parentId !== undefined ? undefined : this.#superstep(entry, parent, options);
  }

  /** The same, when it is asked for. */
  async #step(entry: HistoryEntry): Promise<Superstep> {
    const { threadId, graphId } = this.#thread;
    const graph = await this.#server.graphs.of(graphId);
    const kinds = await this.#channels.of(graphId, channelsOf(entry));
    const { runtime } = this.#server;
    this.#options = { threadId, runtime, graph, kinds, commandNodes: this.#commandNodes };
    const parentId = parentIdOf(entry);
    const parent = parentId === undefined ? undefined : await this.#predecessor(parentId);
    return this.#superstep(entry, parent, this.#options);
  }

  #superstep(entry: HistoryEntry, parent: Predecessor | undefined, options: SuperstepOptions): Superstep {
    const copied = entry.metadata?.source === 'fork' ? this.#before.copiedBy(entry) : undefined;
    return historyToSuperstep(entry, parent, options, copied);
  }

  /** Whether a superstep can follow those that wait, or the last checkpoint on the target. */
  #follows(step: Superstep): boolean {
    if (this.#made.order.length === 0 && this.#pending.length === 0) return true;
    const last = this.#pending.at(-1)?.id ?? this.#made.order.at(-1);
    return step.on !== undefined && step.on === last && step.updates[0]?.as_node !== '__copy__';
  }

  /** Makes a checkpoint on another than the last one, or makes that one the last. */
  async #branchOff(step: Superstep): Promise<void> {
    await this.#flush();
    // A checkpoint whose parent is not there is made on the name of the parent alone, as it was in the source.
    const on = step.on === undefined ? undefined : await this.#made.targetId(step.on);
    const [only, ...more] = step.updates;
    if (only !== undefined && more.length === 0 && only.command === undefined) {
      const id = await this.#safely(() => this.#server.update(this.#thread.threadId, on ?? step.id, only));
      this.#made.add(step.id, id);
      return;
    }
    // Several updates at once can only follow the last checkpoint: a copy makes this one the last.
    const copy = { as_node: '__copy__', values: null };
    await this.#safely(() => this.#server.update(this.#thread.threadId, on ?? step.id, copy));
    this.#made.add(undefined);
    this.#losses.add('copies made to fork from');
    this.#queue(step);
  }

  #queue(step: Superstep): void {
    this.#pending.push(step);
    // The steps of a whole thread that is small are not measured one by one.
    const { isWhole, bytes = Number.POSITIVE_INFINITY } = this.#thread;
    if (!isWhole || bytes >= maxBytes) this.#pendingBytes += roughJsonLength(step.updates);
  }

  async #flush(): Promise<void> {
    const steps = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (steps.length > 0) await this.#create(steps);
  }

  /** Creates the thread, or appends to it. What is on the target already of these steps is not written again. */
  async #create(steps: readonly Superstep[]): Promise<void> {
    const { threadId, metadata } = this.#thread;
    const from = this.#made.order.length;
    const total = from + steps.length;
    let idle = 0;
    for (let done = from; ; ) {
      const supersteps: { readonly updates: Superstep['updates'] }[] = [];
      // A list without room for holes, which `map` leaves, is made into JSON in two thirds of the time.
      for (const { updates } of steps.slice(done - from)) supersteps.push({ updates });
      try {
        const ifExists = this.#isThere ? 'append' : 'raise';
        const row = await this.#server.create({ threadId, metadata, supersteps, ifExists });
        this.#metadata ??= row.metadata ?? {};
        this.#isThere = true;
        break;
      } catch (error) {
        this.#signal.throwIfAborted();
        // Another one made it: the caller decides.
        if (isTaken(error)) throw error;
        const count = await this.#count();
        idle = count > done ? 0 : idle + 1;
        if (this.#isThere && count === total) break;
        // A run that somebody began on the thread ends at some time.
        const isBusy = httpStatusOf(error) === 409 && idle < this.#server.attempts;
        if (!isBusy && !mayHelp(error, idle, this.#server.attempts)) throw error;
        done = Math.max(done, Math.min(count, total));
        if (idle > 0) await this.#server.rest(idle);
      }
    }
    for (const { id } of steps) this.#made.add(id);
  }

  /** One update, with a look whether it took effect when its answer is lost. */
  async #safely(update: () => Promise<string>): Promise<string | undefined> {
    const before = this.#made.order.length;
    for (let idle = 1; ; idle++) {
      try {
        return await update();
      } catch (error) {
        this.#signal.throwIfAborted();
        if ((await this.#count()) > before) return undefined;
        if (!mayHelp(error, idle, this.#server.attempts)) throw error;
        await this.#server.rest(idle);
      }
    }
  }

  /** How many checkpoints the thread has on the target. Throws when the server does not answer that either. */
  async #count(): Promise<number> {
    const { threadId } = this.#thread;
    this.#isThere = (await this.#server.row(threadId)) !== undefined;
    let count = 0;
    if (this.#isThere) for await (const page of this.#server.history.pages(threadId)) count += page.length;
    return count;
  }

  /** The checkpoint that one is made on; nothing when it is not in the history. */
  async #predecessor(id: string): Promise<Predecessor | undefined> {
    const kept = this.#before.get(id);
    if (kept !== undefined) return kept;
    if (!this.#made.order.includes(id) && !this.#pending.some((step) => step.id === id)) return undefined;
    await this.#flush();
    const there = await this.#server.checkpoint(this.#thread.threadId, await this.#made.targetId(id));
    return { ...predecessorOf(there), id };
  }
}

/** Whether the same request may be answered otherwise. A server that fails inside mostly fails again: it gets one chance. */
function mayHelp(error: unknown, idle: number, attempts: number): boolean {
  const cause = error instanceof EtlError ? error.cause : error;
  if (httpStatusOf(error) === 500) return idle < 2;
  return isPassing(cause) && idle < attempts;
}
