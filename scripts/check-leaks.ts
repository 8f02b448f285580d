// Fails when a committed file names the machine it was written on: a home folder, this checkout, a private package
// registry or proxy, a download address in the lockfile.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';

interface Leak {
  readonly what: string;
  readonly found: (text: string, file: string) => boolean;
}

const leaks: readonly Leak[] = [
  { what: 'the path of this checkout', found: (text) => text.includes(`${process.cwd()}/`) },
  { what: 'the home folder of who wrote it', found: (text) => text.includes(`${homedir()}/`) },
  { what: "somebody's home folder", found: (text) => /(?<![\w.$}])\/(?:home|Users)\/[a-z][\w.-]*\//.test(text) },
  ...privateHosts().map((host) => ({ what: 'a private host', found: (text: string) => text.includes(host) })),
  {
    what: 'download addresses',
    found: (text, file) => file.endsWith('package-lock.json') && /"resolved": "https?:/.test(text),
  },
];

const files = git('ls-files', '-z')
  .split('\0')
  .filter((file) => file !== '');
if (files.length === 0) throw new Error('git lists no files');
const problems = files.flatMap((file) => leaksIn(file).map((what) => `${file}: ${what}`));
for (const problem of problems) console.error(problem);
console.log(`${files.length} files looked through`);
process.exitCode = problems.length === 0 ? 0 : 1;

function leaksIn(file: string): string[] {
  const text = readFileSync(file, 'latin1');
  return leaks.filter(({ found }) => found(text, file)).map(({ what }) => what);
}

function privateHosts(): string[] {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => process.env[name] ?? '');
  return [...new Set([registry, ...proxies].map(hostOf))].filter((host) => !isPublic(host));
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : '';
}

function isPublic(host: string): boolean {
  return host === '' || host === 'registry.npmjs.org' || /^(?:localhost|127\.|\[::1\])/.test(host);
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}
