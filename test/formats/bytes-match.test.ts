import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytesMatch } from '../../src/formats/bytes-match.ts';

const mark = '"needle"';

test('a match is found wherever it stands, also across the pieces that are looked at', () => {
  const bytes = Buffer.alloc(70_000, 0x20);
  for (const at of [0, 16_380, 16_383, 16_384, 32_768 - mark.length, 49_150, bytes.length - mark.length]) {
    const text = Buffer.from(bytes);
    text.write(mark, at);
    assert.equal(bytesMatch(/"NEEDLE"/i, text), true, `at ${at}`);
    assert.equal(bytesMatch(/"needle"/, text, at + 1), false, `behind ${at}`);
    assert.equal(bytesMatch(/"needle"/, text, 0, at + mark.length), true, `up to the end of ${at}`);
  }
  assert.equal(bytesMatch(/"needle"/, bytes), false);
  assert.equal(bytesMatch(/^/, Buffer.alloc(0)), false);
});

test('a byte is a character, whatever the text is', () => {
  assert.equal(bytesMatch(/^[\xc3][\xa9]$/, Buffer.from('é')), true);
});
