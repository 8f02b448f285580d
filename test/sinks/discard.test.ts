import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { pipeline } from '../../src/pipeline.ts';
import { discardSink } from '../../src/sinks/discard.ts';
import { sampleSource } from '../../src/testing/index.ts';
import { someRecords } from '../files/make-files.ts';

describe('sink discard', () => {
  for (const count of [0, 1, 1000]) {
    test(`counts ${count} records`, async () => {
      const { status, counts } = await pipeline(sampleSource(someRecords(count)))
        .to(discardSink())
        .run();
      assert.deepEqual([status, counts.written], ['finished', count]);
    });
  }

  test('counts what came before a failure', async () => {
    let written = 0;
    const failing = pipeline(sampleSource(someRecords(1000), { failAt: 200 })).to(discardSink());
    await assert.rejects(failing.run({ onCommit: ({ counts }) => void (written = counts.written) }));
    assert.equal(written, 600);
  });
});
