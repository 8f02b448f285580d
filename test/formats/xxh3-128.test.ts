import assert from 'node:assert/strict';
import { test } from 'node:test';

import { xxh3Hash128 } from '../../src/formats/xxh3-128.ts';

/** What the package `xxhash` for Python gives for bytes 3, 10, 17 … of these lengths: every branch of the algorithm, and its edges. */
const expected: Readonly<Record<number, string>> = {
  0: '99aa06d3014798d86001c324468d497f',
  1: '22bbb76b211a39ba13e608bc156defed',
  2: 'a6b9dd53b14487221c9074b93943b86c',
  3: 'ce31763cbf8245a5a9088dda485b481c',
  4: '47197970590746b1788a609154b0fe20',
  7: 'a051eefb8df8740e7af1e487627dd4bc',
  8: 'e3bc8a5f461715553cd024e3d63a1588',
  9: 'c72c88247a9a56d7eafab1c7f123109f',
  15: '68f75783c1d1a650c30b29715d7282a3',
  16: 'ce0b9647ab24f88460d75c5e47d40a24',
  17: 'bfd327edcc2fbd12eeed7654312a26d7',
  31: '670ee2d79d2552f8262deca043341a5b',
  32: '4f130f27ab6baf45d761fd22e8ad5262',
  33: 'd15b272993d9830f4193c535612ac940',
  64: 'fed953fe6a8b2b63aa549d72c69cd267',
  65: '9f5580903f79bec343622ea01271a860',
  96: '2a350495986db37a0ab63bcfbc907abb',
  97: '3ffe2e0f781d623c8d17d1afec22619e',
  128: '1b1962a096bac78bc580008b6c92ac53',
  129: '293e4968c4619023bd91ce7ace4d385b',
  160: 'd71519a37cb75ab60e298e02860a8fd0',
  200: '32200a52a918beaf380142cdd5843bbd',
  239: 'cb7a8da57ad8329249fb6a0a5210e031',
  240: 'ad46c1021b076bc704e0b5f034bee80b',
  241: 'ac6c3492c3d6b45d8beadd3a8874fe17',
  256: '77f21db933350c7e3c38817f6d79c0da',
  512: '1af3d0367ba5a0c4f58202b8d9019d1d',
  1023: 'dedd3c0d6bceed34d26986a0b85dcc44',
  1024: '18bc0eaca9a336369b81661c641c72b1',
  1025: 'bf447251cfa98d7c806c2072ed713576',
  1088: '3d034f977992699d2f8781e01841f0da',
  2048: 'f81f6e8f418d8075abe604813ba62ed1',
  2049: 'fc9da7340154dc6c55aed42c9f1554b6',
  5000: 'c98ae385d09887cc799aaddd7339581d',
};

test('xxh3Hash128 gives what other implementations give, at every length where the algorithm changes', () => {
  for (const [length, digest] of Object.entries(expected)) {
    const bytes = Buffer.from(Array.from({ length: Number(length) }, (_, index) => (index * 7 + 3) & 255));
    assert.equal(xxh3Hash128(bytes), digest, `${length} bytes`);
  }
});

test('text is hashed as UTF-8', () => {
  assert.equal(xxh3Hash128('tür:1'), xxh3Hash128(Buffer.from('tür:1', 'utf8')));
});
