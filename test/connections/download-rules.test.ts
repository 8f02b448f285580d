import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isPrivateAddress, linkExpiry, ruleProblem } from '../../src/connections/download-rules.ts';

test('tells addresses of the public internet from those inside a network', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['93.184.216.34', false],
    ['2606:2800:220:1:248:1893:25c8:1946', false],
    ['::ffff:93.184.216.34', false],
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.31.255.255', true],
    ['172.32.0.1', false],
    ['192.168.0.1', true],
    ['169.254.169.254', true],
    ['100.100.0.1', true],
    ['0.0.0.0', true],
    ['255.255.255.255', true],
    ['224.0.0.1', true],
    ['::', true],
    ['::1', true],
    ['fd00::1', true],
    ['fe80::1', true],
    ['ff02::1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:a00:1', true],
    ['64:ff9b::a00:1', true],
    ['2002:a00:1::', true],
    ['not an address', true],
  ];
  for (const [address, expected] of cases) assert.equal(isPrivateAddress(address), expected, address);
});

test('follows links to allowed hosts only', () => {
  const hosts = ['files.example.org', '*.amazonaws.com', 'minio.internal:9000'];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['https://files.example.org/a', undefined],
    ['http://FILES.example.org:8080/a', undefined],
    ['https://bucket.s3.eu-west-1.amazonaws.com/a?X-Amz-Signature=1', undefined],
    ['https://amazonaws.com/a', 'hostNotAllowed'],
    ['https://evilamazonaws.com/a', 'hostNotAllowed'],
    ['https://files.example.org.evil.test/a', 'hostNotAllowed'],
    ['http://minio.internal:9000/a', undefined],
    ['http://minio.internal:9001/a', 'hostNotAllowed'],
    ['https://u:p@files.example.org/a', 'linkInvalid'],
    ['ftp://files.example.org/a', 'linkInvalid'],
    ['file:///etc/passwd', 'linkInvalid'],
    ['data:text/plain,a', 'linkInvalid'],
  ];
  for (const [link, expected] of cases)
    assert.equal(ruleProblem(new URL(link), { hosts, privateAddresses: false }), expected, link);
});

test('sees through every way to write an address inside a network', () => {
  const rules = { hosts: 'all', privateAddresses: false } as const;
  for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '[::1]', '[::ffff:7f00:1]', '169.254.169.254'])
    assert.equal(ruleProblem(new URL(`http://${host}/latest`), rules), 'privateAddress', host);
  assert.equal(ruleProblem(new URL('http://[::1]/'), { ...rules, privateAddresses: true }), undefined);
});

test('reads when a signed link ends', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['X-Amz-Date=20260102T030405Z&X-Amz-Expires=60', '2026-01-02T03:05:05.000Z'],
    ['X-Goog-Date=20260102T030405Z&X-Goog-Expires=3600', '2026-01-02T04:04:05.000Z'],
    ['Expires=1767323045&Signature=x', '2026-01-02T03:04:05.000Z'],
    ['sv=2024&se=2026-01-02T03%3A04%3A05Z&sig=x', '2026-01-02T03:04:05.000Z'],
    ['X-Amz-Date=yesterday&X-Amz-Expires=60', undefined],
    ['se=soon', undefined],
    ['alt=media&token=1', undefined],
    ['', undefined],
  ];
  for (const [query, expected] of cases) {
    const expiry = linkExpiry(new URL(`https://x.test/a?${query}`));
    assert.equal(expiry === undefined ? undefined : new Date(expiry).toISOString(), expected, query);
  }
});
