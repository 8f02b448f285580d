// Functions that tests have called in threads.
import { EtlError } from '../../src/errors.ts';

/** What happens is said by the record. */
interface Told {
  readonly does?: string;
  readonly n?: number;
}

export default function change(record: Told): unknown {
  switch (record.does) {
    case 'same':
      return record;
    case 'nothing':
      return undefined;
    case 'throw':
      throw new TypeError('no good');
    case 'throw text':
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- people do
      throw 'just text';
    case 'throw nothing':
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- as above
      throw undefined;
    case 'reject':
      throw new EtlError('ETL_RECORD_INVALID', 'wrong', {
        hint: 'mend it',
        where: { record: 'x' },
        cause: new Error('why'),
      });
    case 'wait':
      return Promise.resolve({ waited: record.n });
    case 'bigint':
      return { n: 1n };
    case 'function':
      return () => 1;
    case 'date':
      return { at: new Date(0), gone: undefined };
    case 'end the run':
      throw new EtlError('ETL_CONNECT_FAILED', 'the server is gone');
    default:
      return { ...record, n: (record.n ?? 0) + 1 };
  }
}

export function isEven(record: Told): unknown {
  if (record.does === 'throw') throw new Error('no number');
  if (record.does === 'wait') return Promise.resolve(record.n);
  return (record.n ?? 0) % 2 === 0;
}

/** Changes the record it was given, gives it back, and fails half-way for some. */
export function edit(record: { n: number; tags?: string[] }): unknown {
  record.tags?.push('edited');
  if (record.n === 3) throw new Error('half-way');
  record.n += 1;
  return record;
}

/** Makes texts longer. */
export function grow(record: { readonly text: string; readonly times: number }): unknown {
  return record.times === 1 ? record : { ...record, text: record.text.repeat(record.times) };
}

export function hasEvenId({ id }: { readonly id: number }): boolean {
  return id % 2 === 0;
}

export function measure({ id, text }: { readonly id: number; readonly text: string }): unknown {
  return { id, length: text.length, n: 0 };
}

/** Fills the memory of its thread. */
export function hoard(record: Told): unknown {
  const all: unknown[] = [];
  while (record.does === 'hoard') all.push(new Array(1e5).fill(record.n));
  return record;
}

/** Ends its thread. */
export function leave(record: Told): unknown {
  if (record.does === 'leave') process.exit(7);
  return record;
}

/** Never comes back. */
export function spin(): unknown {
  for (;;);
}

export const notAFunction = 7;
