import { httpStatusOf, isPassing, isTaken } from '../../connections/langgraph-errors.ts';
import { EtlError } from '../../errors.ts';
import { roughJsonLength } from '../../json-equal.ts';
import {
  historyToSuperstep,
  isCopyOf,
  predecessorOf,
  type Predecessor,
  type Superstep,
  type SuperstepOptions,
} from '../../mappings/history-to-supersteps.ts';
import { channelsOf, namespaceOf, parentIdOf, type HistoryEntry } from '../../models/langgraph.ts';
import { summarizeEntry } from '../../models/langgraph-summary.ts';
import { AddedChannels } from './added-channels.ts';
import type { ChannelKinds } from './channel-kinds.ts';
import { isEndMark, type CheckpointPair } from './compare-threads.ts';
import { Losses, type ThreadToWrite, type ThreadWriter, type WrittenThread } from './thread-writer.ts';
import type { TargetServer } from './target-server.ts';

/** A request holds at most so many supersteps, and about so many bytes. */
const maxSupersteps = 250;
const maxBytes = 4_000_000;
/** Of a thread in parts, so many checkpoints, and about so many bytes, are kept for later ones to be made on; others are read. */
const keptCheckpoints = 16;
const keptBytes = 16_000_000;

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
  /** Every checkpoint on the target in the order it was made: the source's id, or nothing for one of our own. */
  readonly #made: (string | undefined)[] = [];
  readonly #ids = new Map<string, string>();
  readonly #before = new Map<string, Predecessor>();
  /** About how many bytes each of these takes, of a thread in parts. */
  readonly #sizes = new Map<string, number>();
  #keptBytes = 0;
  readonly #added = new AddedChannels();
  /** What supersteps are made with, as soon as it is known. */
  #options: SuperstepOptions | undefined;
  #pending: Superstep[] = [];
  #pendingBytes = 0;
  #isThere: boolean;
  #matched = 0;
  /** The last checkpoint that was there already. */
  #last: CheckpointPair | undefined;
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
  }

  async add(entries: readonly HistoryEntry[]): Promise<void> {
    const { existing = [] } = this.#thread;
    for (const entry of entries) {
      if (namespaceOf(entry) !== '') {
        this.#losses.add('checkpoints of subgraphs');
        continue;
      }
      this.#skipEndMark();
      if (this.#matched === existing.length || !(await this.#isMatched(entry))) {
        // Mostly nothing has to be waited for, and a promise for each checkpoint would cost more than its superstep.
        const step = this.#stepNow(entry) ?? (await this.#step(entry));
        this.#losses.add('channels that no update unsets', step.impossible.length);
        if (this.#follows(step)) this.#queue(step);
        else await this.#branchOff(step);
        if (this.#pending.length >= maxSupersteps || this.#pendingBytes >= maxBytes) await this.#flush();
      }
      this.#remember(entry);
    }
  }

  async finish(): Promise<WrittenThread> {
    await this.#flush();
    this.#skipEndMark();
    if (!this.#isThere) await this.#create([]);
    return { order: this.#made, losses: this.#losses.counts, metadata: this.#metadata };
  }

  /** Whether the target has this checkpoint from before: all up to it were the same. */
  async #isMatched(entry: HistoryEntry): Promise<boolean> {
    const { existing = [] } = this.#thread;
    this.#added.learn([entry]);
    const summary = summarizeEntry(entry);
    for (let index = this.#matched; index < existing.length; index++) {
      const there = existing[index];
      if (there === undefined) break;
      if (there.values === summary.values || (await this.#isAlike(there.id, summary.values))) {
        this.#losses.add('copies made to fork from', index - this.#matched);
        for (; this.#matched < index; this.#matched++) this.#made.push(undefined);
        this.#matched += 1;
        this.#made.push(summary.id);
        this.#ids.set(summary.id, there.id);
        this.#last = { source: summary, target: there };
        return true;
      }
      // Copies that were made to write on, or to show another branch, are nothing of the source's.
      if (there.source === 'fork') continue;
      throw new EtlError('ETL_RECORD_INVALID', 'the thread is on the target with another history', {
        where: { file: this.#server.where, record: this.#thread.threadId },
        hint: 'It is left alone. `ifExists: replace` (--if-exists replace) deletes it there and writes it anew.',
      });
    }
    this.#losses.add('copies made to fork from', existing.length - this.#matched);
    for (; this.#matched < existing.length; this.#matched++) this.#made.push(undefined);
    return false;
  }

  /** What marks that the thread had ended is nothing of the source's. */
  #skipEndMark(): void {
    if (!isEndMark(this.#thread.existing?.[this.#matched], this.#last)) return;
    this.#matched += 1;
    this.#made.push(undefined);
  }

  /** Whether the target's graph only added channels to a checkpoint: of a thread in parts, this is not known beforehand. */
  async #isAlike(id: string, values: string): Promise<boolean> {
    if (this.#thread.isWhole) return false;
    const there = await this.#server.checkpoint(this.#thread.threadId, id);
    return summarizeEntry(this.#added.without(there)).values === values;
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
    const graph = await this.#server.graph(graphId);
    const kinds = await this.#channels.of(graphId, channelsOf(entry));
    const { runtime } = this.#server;
    this.#options = { threadId, runtime, graph, kinds, commandNodes: this.#commandNodes };
    const parentId = parentIdOf(entry);
    const parent = parentId === undefined ? undefined : await this.#predecessor(parentId);
    return this.#superstep(entry, parent, this.#options);
  }

  #superstep(entry: HistoryEntry, parent: Predecessor | undefined, options: SuperstepOptions): Superstep {
    const copied =
      entry.metadata?.source === 'fork'
        ? [...this.#before.values()].findLast((other) => isCopyOf(entry, other))?.id
        : undefined;
    return historyToSuperstep(entry, parent, options, copied);
  }

  /** Whether a superstep can follow those that wait, or the last checkpoint on the target. */
  #follows(step: Superstep): boolean {
    if (this.#made.length === 0 && this.#pending.length === 0) return true;
    const last = this.#pending.at(-1)?.id ?? this.#made.at(-1);
    return step.on !== undefined && step.on === last && step.updates[0]?.as_node !== '__copy__';
  }

  /** Makes a checkpoint on another than the last one, or makes that one the last. */
  async #branchOff(step: Superstep): Promise<void> {
    await this.#flush();
    // A checkpoint whose parent is not there is made on the name of the parent alone, as it was in the source.
    const on = step.on === undefined ? undefined : await this.#targetId(step.on);
    const [only, ...more] = step.updates;
    if (only !== undefined && more.length === 0 && only.command === undefined) {
      const id = await this.#safely(() => this.#server.update(this.#thread.threadId, on ?? step.id, only));
      this.#made.push(step.id);
      if (id !== undefined) this.#ids.set(step.id, id);
      return;
    }
    // Several updates at once can only follow the last checkpoint: a copy makes this one the last.
    const copy = { as_node: '__copy__', values: null };
    await this.#safely(() => this.#server.update(this.#thread.threadId, on ?? step.id, copy));
    this.#made.push(undefined);
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
    const from = this.#made.length;
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
    for (const { id } of steps) this.#made.push(id);
  }

  /** One update, with a look whether it took effect when its answer is lost. */
  async #safely(update: () => Promise<string>): Promise<string | undefined> {
    const before = this.#made.length;
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

  async #targetId(sourceId: string): Promise<string> {
    const known = this.#ids.get(sourceId);
    if (known !== undefined) return known;
    await this.#learn();
    return this.#ids.get(sourceId) ?? sourceId;
  }

  /** Reads the ids of the checkpoints that were made: they lie in the order in which they were. */
  async #learn(): Promise<void> {
    if (this.#made.every((id) => id === undefined || this.#ids.has(id))) return;
    const ids: string[] = [];
    for await (const page of this.#server.history.pages(this.#thread.threadId))
      for (const { checkpoint } of page) ids.push(checkpoint.checkpoint_id);
    ids.reverse();
    if (ids.length !== this.#made.length) {
      throw new EtlError(
        'ETL_REQUEST_FAILED',
        `${this.#made.length} checkpoints were written, and the target has ${ids.length}`,
        { where: { file: this.#server.where, record: this.#thread.threadId } },
      );
    }
    for (const [index, sourceId] of this.#made.entries()) {
      const id = ids[index];
      if (sourceId !== undefined && id !== undefined) this.#ids.set(sourceId, id);
    }
  }

  #remember(entry: HistoryEntry): void {
    const { checkpoint_id: id } = entry.checkpoint;
    this.#before.set(id, predecessorOf(entry));
    if (this.#thread.isWhole) return;
    const size = roughJsonLength(entry.values);
    this.#sizes.set(id, size);
    this.#keptBytes += size;
    // The last one stays: the next is mostly made on it.
    for (const [oldest, bytes] of this.#sizes) {
      if (oldest === id || (this.#before.size <= keptCheckpoints && this.#keptBytes <= keptBytes)) break;
      this.#before.delete(oldest);
      this.#sizes.delete(oldest);
      this.#keptBytes -= bytes;
    }
  }

  /** The checkpoint that one is made on; nothing when it is not in the history. */
  async #predecessor(id: string): Promise<Predecessor | undefined> {
    const kept = this.#before.get(id);
    if (kept !== undefined) return kept;
    if (!this.#made.includes(id) && !this.#pending.some((step) => step.id === id)) return undefined;
    await this.#flush();
    const there = await this.#server.checkpoint(this.#thread.threadId, await this.#targetId(id));
    return { ...predecessorOf(there), id };
  }
}

/** Whether the same request may be answered otherwise. A server that fails inside mostly fails again: it gets one chance. */
function mayHelp(error: unknown, idle: number, attempts: number): boolean {
  const cause = error instanceof EtlError ? error.cause : error;
  if (httpStatusOf(error) === 500) return idle < 2;
  return isPassing(cause) && idle < attempts;
}
