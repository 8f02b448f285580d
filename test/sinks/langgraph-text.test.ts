import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { jsonBatch } from '../../src/batch.ts';
import { jsonArrayElements } from '../../src/formats/json-array-elements.ts';
import { encodeJsonRecords, gatherJsonRecords } from '../../src/formats/json-records.ts';
import { asHistoryEntry, namespaceOf, THREAD_SCHEMA, type HistoryEntry } from '../../src/models/langgraph.ts';
import { compareThread } from '../../src/models/langgraph-fidelity.ts';
import { historyPage, KnownEntries } from '../../src/models/langgraph-history-page.ts';
import { threadHead } from '../../src/models/langgraph-record-text.ts';
import { AddedChannels } from '../../src/sinks/langgraph/added-channels.ts';
import { pairedSummaries } from '../../src/sinks/langgraph/paired-summaries.ts';
import { queuedRecords, type QueuedRecord, type ReadRecord } from '../../src/sinks/langgraph/queued-records.ts';

/** Checkpoints as they grow: values that are added to, edited, taken away, or those of another branch. */
const histories = fc
  .array(
    fc.record({
      more: fc.array(fc.record({ type: fc.constantFrom('human', 'ai'), id: fc.string(), content: fc.string() }), {
        maxLength: 2,
      }),
      kind: fc.constantFrom('grow', 'grow', 'grow', 'edit', 'fork', 'same', 'other'),
      other: fc.jsonValue({ maxDepth: 1 }),
      next: fc.constantFrom<readonly string[]>([], ['work'], ['a', 'b']),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((steps): HistoryEntry[] => {
    const states: { readonly messages: readonly unknown[]; readonly other?: unknown }[] = [];
    return steps.map(({ more, kind, other, next }, index) => {
      const last = (kind === 'fork' ? states.at(-2) : states.at(-1)) ?? { messages: [] };
      const messages =
        kind === 'edit' ? last.messages.slice(1) : kind === 'same' ? last.messages : [...last.messages, ...more];
      const values = kind === 'other' ? { ...last, other } : { ...last, messages };
      states.push(values);
      return {
        values: kind === 'other' && index % 2 === 1 ? other : values,
        next,
        tasks: next.map((name) => ({ id: `${name}${index}`, name, interrupts: [] })),
        metadata: { source: 'loop', step: index - 1, parents: {} },
        created_at: `2026-01-01T00:00:0${index}.000Z`,
        checkpoint: { checkpoint_id: `c${index}`, checkpoint_ns: '' },
        parent_checkpoint: index === 0 ? null : { checkpoint_id: `c${index - 1}`, checkpoint_ns: '' },
      };
    });
  });

/** What another server, or a mistake, makes of one checkpoint's text. */
const changes: Readonly<Record<string, (entry: HistoryEntry) => readonly string[]>> = {
  nothing: (entry) => [JSON.stringify(entry)],
  'ids and times': (entry) => [
    JSON.stringify(entry)
      .replaceAll(/"c(\d)"/g, '"d$1"')
      .replaceAll('2026-01', '2026-02'),
  ],
  'another order of members': (entry) => [JSON.stringify(Object.fromEntries(Object.entries(entry).toReversed()))],
  'another order of channels': (entry) => [
    JSON.stringify({ ...entry, values: Object.fromEntries(Object.entries(entry.values ?? {}).toReversed()) }),
  ],
  'white space': (entry) => [JSON.stringify(entry, undefined, 1).replaceAll('\n', ' ')],
  'white space in the values': (entry) => [
    JSON.stringify({ ...entry, values: 0 }).replace('0', () =>
      JSON.stringify(entry.values, undefined, 1).replaceAll('\n', ' '),
    ),
  ],
  'another form of numbers': (entry) => [JSON.stringify(entry).replaceAll(/":(\d)([,}])/g, '":$1.0$2')],
  'other numbers': (entry) => [JSON.stringify(entry).replaceAll(/":(\d)([,}])/g, '":1$1$2')],
  'no values': ({ values: _, ...entry }) => [JSON.stringify(entry)],
  'null for values': (entry) => [JSON.stringify({ ...entry, values: null })],
  'no next, no tasks': ({ next: _, tasks: __, ...entry }) => [JSON.stringify(entry)],
  'a channel more': (entry) => [JSON.stringify({ ...entry, values: { ...(entry.values as object), more: [] } })],
  'a message more': (entry) =>
    [JSON.stringify(entry).replace('"messages":[', '"messages":[{"type":"ai"},')].map(valid(entry)),
  'values that stand twice': (entry) => [`${JSON.stringify(entry).slice(0, -1)},"values":{"messages":[]}}`],
  'a channel that stands twice': (entry) => [JSON.stringify(entry).replace('"messages":', '"messages":7,"messages":')],
  'escapes in names': (entry) => [JSON.stringify(entry).replace('"values"', '"v\\u0061lues"')],
  'a checkpoint twice': (entry) => [JSON.stringify(entry), JSON.stringify(entry)],
  'a copy more': (entry) => [JSON.stringify(entry), JSON.stringify(entry).replaceAll(/"c(\d)"/g, '"e$1"')],
  'no checkpoint': () => [],
};

/** Where a list was empty, a comma too many came in. */
function valid(entry: HistoryEntry): (text: string) => string {
  return (text) => {
    try {
      JSON.parse(text);
      return text;
    } catch {
      return JSON.stringify(entry);
    }
  };
}

const changed = histories.chain((history) =>
  fc.tuple(
    fc.constant(history),
    fc.array(fc.constantFrom(...Object.keys(changes)), { minLength: history.length, maxLength: history.length }),
    fc.boolean(),
    fc.boolean(),
  ),
);

function recordOf(history: readonly HistoryEntry[]): object {
  return { schema: THREAD_SCHEMA, thread_id: 't', thread: { thread_id: 't' }, origin: { runtime: 'js' }, history };
}

function readQueued(queued: QueuedRecord | { readonly error: unknown } | undefined): ReadRecord {
  assert.ok(queued !== undefined && 'read' in queued);
  return queued.read();
}

function fidelityOf(
  source: readonly HistoryEntry[],
  target: readonly HistoryEntry[],
  idMap: ReadonlyMap<string, string> | undefined,
): unknown {
  const added = new AddedChannels(source);
  const sides = pairedSummaries(source, target, (id) => (idMap === undefined ? id : idMap.get(id)), added);
  const fidelity = compareThread('t', sides.source, sides.target, idMap === undefined ? {} : { idMap });
  return { fidelity, added: [...added.names] };
}

describe('threads that are compared by their texts', () => {
  test('come out as those that are parsed and compared', () => {
    fc.assert(
      fc.property(changed, ([history, kinds, isMapped, isRecordChanged]) => {
        const texts = history.flatMap((entry, index) => changes[kinds[index] ?? '']?.(entry) ?? []);
        const answer = Buffer.from(`[${texts.toReversed().join(',')}]`);
        const page = jsonArrayElements(answer);
        assert.ok(page !== undefined, answer.toString());
        const plain = (JSON.parse(answer.toString()) as unknown[]).map(asHistoryEntry);

        // The record may be the odd one as well.
        const given = isRecordChanged ? texts.map((text) => asHistoryEntry(JSON.parse(text))) : history;
        const record = JSON.stringify(recordOf(given));
        const batch = jsonBatch(gatherJsonRecords([Buffer.from('{"x":[1,2]} '), Buffer.from(record)]));
        const read = readQueued(queuedRecords(batch)[1]);
        assert.equal(JSON.stringify(read.record), record);

        const known = new KnownEntries(read.texts ?? []);
        const whole = known.page(answer);
        const last = given.slice(given.length - texts.length).map((entry) => JSON.stringify(entry));
        assert.equal(whole !== undefined, texts.length > 0 && texts.join() === last.join(), answer.toString());
        if (whole !== undefined) assert.deepEqual([whole.starts, whole.ends], [page.starts, page.ends]);
        const entries = historyPage(whole ?? page, known);
        assert.equal(JSON.stringify(entries), JSON.stringify(plain));
        const ids = plain.toReversed().map(({ checkpoint }) => checkpoint.checkpoint_id);
        const idMap = isMapped
          ? new Map(given.map(({ checkpoint }, index) => [checkpoint.checkpoint_id, ids[index] ?? '']))
          : undefined;
        assert.deepEqual(
          fidelityOf(read.record.history, entries.toReversed(), idMap),
          fidelityOf(given, plain.toReversed(), idMap),
        );
      }),
    );
  });

  test('are read in pages, the newest first, with checkpoints too many and too few in between', () => {
    fc.assert(
      fc.property(changed, fc.integer({ min: 1, max: 3 }), ([history, kinds], size) => {
        const texts = history.flatMap((entry, index) => changes[kinds[index] ?? '']?.(entry) ?? []).toReversed();
        const record = Buffer.from(JSON.stringify(recordOf(history)));
        const { texts: known = [] } = readQueued(queuedRecords(jsonBatch(gatherJsonRecords([record])))[0]);
        const entries = new KnownEntries(known);
        for (let from = 0; from < texts.length; from += size) {
          const page = gatherJsonRecords(texts.slice(from, from + size).map((text) => Buffer.from(text)));
          const expected = texts.slice(from, from + size).map((text) => asHistoryEntry(JSON.parse(text)));
          assert.equal(JSON.stringify(historyPage(page, entries)), JSON.stringify(expected));
        }
      }),
    );
  });

  test('are the same objects where the texts are', () => {
    const values = { messages: [{ type: 'human', id: '1', content: 'hello' }] };
    const entry = (index: number): object => ({
      values,
      next: [],
      tasks: [],
      created_at: null,
      checkpoint: { checkpoint_id: `c${index}` },
    });
    const record = recordOf([entry(0), entry(1)] as HistoryEntry[]);
    const { record: read, texts = [] } = readQueued(queuedRecords(jsonBatch(encodeJsonRecords([record])))[0]);
    const answer = [{ ...entry(1), checkpoint: { checkpoint_id: 'd1' } }, entry(0)];
    const [second, first] = historyPage(encodeJsonRecords(answer), new KnownEntries(texts));
    assert.equal(first, read.history[0]);
    assert.notEqual(second, read.history[1]);
    assert.equal(second?.values, read.history[1]?.values);
    assert.equal(namespaceOf(second as HistoryEntry), '');
  });

  test('an answer in memory that held a known one is read for itself', () => {
    const entry = (id: string, content: string): object => ({
      values: { messages: [{ type: 'human', id: '1', content }] },
      next: [],
      tasks: [],
      created_at: null,
      checkpoint: { checkpoint_id: id },
    });
    const record = recordOf([entry('c0', 'hello'), entry('c1', 'there')] as HistoryEntry[]);
    const { texts = [] } = readQueued(queuedRecords(jsonBatch(encodeJsonRecords([record])))[0]);
    const known = new KnownEntries(texts);
    const memory = Buffer.from(JSON.stringify([entry('c1', 'there')]));
    const first = known.page(memory);
    assert.ok(first !== undefined);
    historyPage(first, known);
    const other = entry('c0', 'HELLO');
    memory.write(JSON.stringify([other]));
    assert.equal(known.page(memory), undefined);
    const page = jsonArrayElements(memory);
    assert.ok(page !== undefined);
    assert.deepEqual(
      historyPage(page, known).map(({ values }) => values),
      [(other as HistoryEntry).values],
    );
  });

  test('are told apart before they are read, whatever the order of their members is', () => {
    const { history, ...rest } = { ...recordOf([]), part: { number: 2, isLast: false }, limited: true } as unknown as {
      readonly history: unknown;
      readonly [name: string]: unknown;
    };
    const members = fc.shuffledSubarray(Object.entries(rest), { minLength: 0 });
    fc.assert(
      fc.property(
        members,
        members,
        fc.constantFrom('[]', '["part", 1]', '[{"thread_id":"u"}]'),
        (before, behind, text) => {
          const names = before.map(([name]) => name);
          const all = [...before, ['history', history], ...behind.filter(([name]) => !names.includes(name))] as const;
          const record = `{${all.map(([name, value]) => `"${name}":${name === 'history' ? text : JSON.stringify(value)}`).join()}}`;
          const bytes = Buffer.from(`7 ${record} 7`);
          const parsed = JSON.parse(record) as { readonly thread_id?: string; readonly part?: unknown };
          const head = threadHead(bytes, 2, bytes.length - 2);
          assert.deepEqual(head, { threadId: parsed.thread_id, part: parsed.part });
        },
      ),
    );
  });

  test('are refused when they say twice what they are', () => {
    const record = JSON.stringify(recordOf([])).slice(0, -1);
    for (const more of ['"thread_id":"u"', '"p\\u0061rt":{"number":1,"isLast":false}']) {
      const [queued] = queuedRecords(jsonBatch(gatherJsonRecords([Buffer.from(`${record},${more}}`)])));
      assert.throws(() => readQueued(queued), { code: 'ETL_RECORD_INVALID', message: /says twice/ }, more);
    }
  });
});
