import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { encodeJsonRecords } from '../../../src/formats/json-records.ts';
import { jsonBatch } from '../../../src/batch.ts';
import { AsideFile } from '../../../src/sinks/langgraph/aside-file.ts';
import { QueuedBatch } from '../../../src/sinks/langgraph/queued-batch.ts';
import { queuedRecords } from '../../../src/sinks/langgraph/queued-records.ts';
import { testIn } from '../../../src/testing/scratch.ts';
import type { Batch } from '../../../src/stage.ts';

const records = [
  { thread_id: 'a', part: { number: 1, isLast: false }, history: [{ values: { text: 'ä"\n' } }] },
  { thread_id: 'a', part: { number: 2, isLast: false }, history: [] },
];

for (const form of ['text', 'objects'] as const) {
  testIn(
    `records that came as ${form} are read back from the disk, which is given back after the last`,
    async (directory) => {
      const file = new AsideFile(join(directory, 'aside'));
      const batches = [1, 2].map(
        (cursor): Batch<unknown> =>
          form === 'text' ? jsonBatch(encodeJsonRecords(records), { cursor }) : { records, cursor },
      );
      const queued = batches.map((batch) => new QueuedBatch(batch, queuedRecords(batch)));
      await Promise.all(queued.map((batch) => batch.putAside(file)));
      const { size } = await stat(join(directory, 'aside'));
      assert.equal(size, 2 * records.reduce((sum, record) => sum + Buffer.byteLength(JSON.stringify(record)), 0));
      for (const [number, each] of queued.entries()) {
        assert.deepEqual([each.batch.records, each.batch.cursor], [[], number + 1]);
        for (const [index, record] of records.entries()) assert.deepEqual(await each.record(index), record);
        await each.release();
      }
      assert.deepEqual(await readdir(directory), []);
    },
  );
}
