import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

import { systemCode } from '../errors.ts';
import { isPrivateAddress } from './download-rules.ts';

const privateCode = 'ETL_PRIVATE_ADDRESS';

/** Looks a name up, and gives its public addresses only: what is connected to is what was checked. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const open = error === null ? addresses.filter(({ address }) => !isPrivateAddress(address)) : [];
    const [one] = open;
    if (error !== null) callback(error, []);
    else if (one === undefined) callback(Object.assign(new Error('a private address'), { code: privateCode }), []);
    else if (options.all === true) callback(null, open);
    else callback(null, one.address, one.family);
  });
};

/** Whether a connection was not made because the name stands for addresses inside a network only. */
export function isPrivateRefusal(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isPrivateRefusal);
  return systemCode(error) === privateCode || (error instanceof Error && isPrivateRefusal(error.cause));
}
