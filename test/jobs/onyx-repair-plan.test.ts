import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { planCitations, planLatestChild, planMessageText, type OnyxRow } from '../../src/jobs/onyx-repair-plan.ts';

const session = 'chat';

function row(id: number, parent: number | null, latest: number | null, changes: Partial<OnyxRow> = {}): OnyxRow {
  const type = parent === null ? 'SYSTEM' : id % 2 === 0 ? 'USER' : 'ASSISTANT';
  const usual = { text: '', sent: id, reasoning: null, citations: null, isSummary: false };
  return { id, session, parent, latest, type, ...usual, ...changes };
}

const short = ({ repairs }: ReturnType<typeof planLatestChild>): string =>
  repairs.map(({ row: { id }, latest }) => `${id}>${latest ?? '-'}`).join(' ');

const chats: readonly (readonly [
  name: string,
  rows: readonly OnyxRow[],
  repairs: string,
  problems?: readonly string[],
])[] = [
  ['nothing in a sound chat', [row(1, null, 2), row(2, 1, 3), row(3, 2, null)], ''],
  ['pointers that are missing', [row(1, null, null), row(2, 1, null), row(3, 2, null)], '1>2 2>3'],
  ['the newest of several', [row(1, null, 2), row(2, 1, null), row(3, 2, null), row(5, 2, null)], '2>5'],
  [
    'the newest by time, not by id',
    [row(1, null, 2), row(2, 1, null), row(3, 2, null, { sent: 9 }), row(5, 2, null)],
    '2>3',
  ],
  ['no choice that is right', [row(1, null, 2), row(2, 1, 3), row(3, 2, null), row(5, 2, null)], ''],
  ['a generation skipped', [row(1, null, 3), row(2, 1, 3), row(3, 2, null)], '1>2'],
  ['a message that shows itself', [row(1, null, 2), row(2, 1, 2), row(3, 2, null)], '2>3'],
  ['a leaf that shows something', [row(1, null, 2), row(2, 1, 1)], '2>-'],
  ['a child in another chat', [row(1, null, 9), row(9, null, null, { session: 'other' })], '1>-'],
  [
    'a summary below a leaf',
    [row(1, null, 2), row(2, 1, 3), row(3, 2, null), row(4, 3, null, { isSummary: true, type: 'ASSISTANT' })],
    '',
  ],
  [
    'no root',
    [row(2, null, null, { type: 'USER' }), row(3, 2, null)],
    '2>3',
    ['no SYSTEM root: the first question is not told to the model'],
  ],
  ['two roots', [row(1, null, null), row(2, null, null)], '', ['several roots']],
  ['an answer under an answer', [row(1, null, 3), row(3, 1, 5), row(5, 3, null)], '', ['an answer under an answer']],
  [
    'a ring: nothing in it is shown',
    [row(1, null, null), row(2, 3, 3), row(3, 2, 2)],
    '2>- 3>-',
    ['messages in a ring'],
  ],
  [
    'a parent that is not in the chat',
    [row(1, null, null), row(2, 77, null)],
    '',
    ['a parent that is not in the chat'],
  ],
];

test('planLatestChild mends', async (t) => {
  for (const [name, rows, repairs, problems = []] of chats) {
    await t.test(name, () => {
      const plan = planLatestChild(rows);
      assert.equal(short(plan), repairs);
      assert.deepEqual(
        plan.problems.map(({ why }) => why),
        problems,
      );
    });
  }
});

test('planLatestChild leaves every walk with an end at a leaf, and a second plan has nothing to do, for any rows', () => {
  const one = fc.record({ parent: fc.integer({ min: -1, max: 9 }), latest: fc.integer({ min: -1, max: 9 }) });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 10 }), (drawn) => {
      const at = (place: number): number | null => (place < 0 || place >= drawn.length ? null : place + 1);
      const rows = drawn.map(({ parent, latest }, place) => row(place + 1, at(parent), at(latest)));
      const latest = new Map(planLatestChild(rows).repairs.map((repair) => [repair.row.id, repair.latest ?? null]));
      const mended = rows.map((each) => ({
        ...each,
        latest: latest.has(each.id) ? (latest.get(each.id) ?? null) : each.latest,
      }));
      assert.deepEqual(planLatestChild(mended).repairs, []);
      for (const { id } of mended) {
        let steps = 0;
        for (let next: number | null = id; next !== null; next = mended[next - 1]?.latest ?? null) steps += 1;
        assert.ok(steps <= rows.length);
      }
    }),
  );
});

const documents = [
  { id: 7, link: 'https://a.example/' },
  { id: 8, link: 'https://b.example/' },
];
const cited: readonly (readonly [name: string, row: OnyxRow, expected: object | undefined])[] = [
  ['nothing where nothing is cited', row(3, 2, null), undefined],
  ['nothing where all is well', row(3, 2, null, { citations: { 1: 7 } }), undefined],
  ['nothing for an empty list', row(3, 2, null, { citations: [] }), undefined],
  ['a list', row(3, 2, null, { citations: [7] }), { citations: null, link: [] }],
  ['a value that is no number', row(3, 2, null, { citations: { 1: 'x', 2: 8 } }), { citations: { 2: 8 }, link: [] }],
  ['a document that is gone', row(3, 2, null, { citations: { 1: 99 } }), { citations: null, link: [] }],
  ['a document that is not linked', row(3, 2, null, { citations: { 1: 9 } }), { citations: { 1: 9 }, link: [9] }],
  [
    'marks in the text, by the address of a linked document',
    row(3, 2, null, { text: 'so [[2]](https://b.example/), and [[3]](https://c.example/)' }),
    { citations: { 2: 8 }, link: [] },
  ],
];

test('planCitations mends', async (t) => {
  for (const [name, given, expected] of cited) {
    await t.test(name, () => {
      const repair = planCitations(given, documents, new Set([7, 8, 9]));
      assert.deepEqual(repair && { citations: repair.citations, link: repair.link }, expected);
    });
  }
});

const texts: readonly (readonly [text: string, expected: string | undefined, reasoning?: string])[] = [
  ['plain', undefined],
  ['', undefined],
  ['[{"no": "parts"}]', undefined],
  ['[{ not json }]', undefined],
  ['[{"type":"text","text":"a"},{"type":"tool_call","id":"x"}]', undefined],
  ['[{"type":"text","text":"a"},{"type":"text","text":{"value":"b"}}]', 'a\n\nb'],
  ['[{"type":"think","think":"hm"},{"type":"text","text":"a"}]', 'a', 'hm'],
  ['So\ue202turn0search1 it \ue200is\ue201.', 'So it is.'],
];

test('planMessageText takes marks and JSON out of texts, and nothing else', () => {
  for (const [text, expected, reasoning] of texts) {
    const repair = planMessageText(row(3, 2, null, { text }));
    assert.deepEqual([repair?.text, repair?.reasoning], [expected, reasoning], text);
  }
});
