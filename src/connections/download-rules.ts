import { BlockList, isIP } from 'node:net';

/** Which addresses files may be fetched from. */
export interface DownloadRules {
  /** Hosts by name (`files.example.org`, `*.s3.eu-west-1.amazonaws.com`, with a port where it matters), or `all`. */
  readonly hosts: 'all' | readonly string[];
  /** Whether addresses inside a network (127.0.0.1, 10.0.0.0/8, fe80:: …) may be asked. */
  readonly privateAddresses: boolean;
}

/** Why an address is not asked. */
export type RuleProblem = 'linkInvalid' | 'hostNotAllowed' | 'privateAddress';

/**
 * Whether a link may be followed: `http` or `https`, without credentials in it, to a host that is allowed. A name is looked up
 * later: {@link isPrivateAddress} must hold for what it stands for, too.
 */
export function ruleProblem(url: URL, { hosts, privateAddresses }: DownloadRules): RuleProblem | undefined {
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '')
    return 'linkInvalid';
  if (hosts !== 'all' && !hosts.some((pattern) => isHost(url, pattern.toLowerCase()))) return 'hostNotAllowed';
  const address = url.hostname.replace(/^\[|\]$/g, '');
  if (!privateAddresses && isIP(address) !== 0 && isPrivateAddress(address)) return 'privateAddress';
  return undefined;
}

/** `*.` stands for any names in front, at least one; without a port every port is meant. */
function isHost({ hostname, host }: URL, pattern: string): boolean {
  const asked = /:\d+$/.test(pattern) ? host : hostname;
  return pattern.startsWith('*.') ? asked.endsWith(pattern.slice(1)) : asked === pattern;
}

const inside = new BlockList();
// RFC 6890 and its registries: this host, private use, carrier-grade NAT, loopback, link-local, protocol assignments,
// benchmarking, multicast, reserved. IPv4 addresses written as IPv6 are covered by their own entries.
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  inside.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  // IPv4 behind a translator: what it leads to cannot be told from here.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  inside.addSubnet(network, prefix, 'ipv6');

/** Whether an IP address is not one of the public internet. What is no address counts as one. */
export function isPrivateAddress(address: string): boolean {
  const version = isIP(address);
  return version === 0 || inside.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * When a signed link ends by its own account, in milliseconds since 1970; nothing for one that does not say.
 *
 * @see AWS Signature Version 4 query parameters (`X-Amz-Date`, `X-Amz-Expires`), CloudFront and S3 version 2 (`Expires`), Azure
 *   shared access signatures (`se`), Google Cloud Storage (`X-Goog-Date`, `X-Goog-Expires`)
 */
export function linkExpiry({ searchParams }: URL): number | undefined {
  const parameters = new Map(Array.from(searchParams, ([name, value]) => [name.toLowerCase(), value]));
  for (const system of ['x-amz', 'x-goog']) {
    const signed = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(parameters.get(`${system}-date`) ?? '');
    const seconds = Number(parameters.get(`${system}-expires`));
    if (signed === null || !(seconds > 0)) continue;
    const [, year, month, day, hour, minute, second] = signed.map(Number);
    return Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0) + seconds * 1000;
  }
  const expires = Number(parameters.get('expires'));
  if (expires > 0) return expires * 1000;
  const end = Date.parse(parameters.get('se') ?? '');
  return Number.isNaN(end) ? undefined : end;
}
