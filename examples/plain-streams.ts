// Plain Node streams, iterables and generator functions stand wherever a stage can.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

import { pipeline } from '../src/index.ts';

const lines = createInterface({ input: createReadStream('./examples/data/messages.jsonl') });
const roles = new Map<string, number>();

await pipeline(lines, { name: 'count-roles' })
  .through(async function* parse(records) {
    for await (const line of records) yield JSON.parse(line) as { readonly role: string };
  })
  .to(
    new Writable({
      objectMode: true,
      write({ role }: { readonly role: string }, _encoding, done) {
        roles.set(role, (roles.get(role) ?? 0) + 1);
        done();
      },
    }),
  )
  .run();

console.log(Object.fromEntries(roles));
