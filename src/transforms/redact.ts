import { createHmac } from 'node:crypto';
import { z } from 'zod';

import { canonicalJson } from '../canonical-json.ts';
import { defineTransform } from '../component.ts';
import { EtlError } from '../errors.ts';
import { mapBatch } from '../map-batch.ts';
import { compilePatterns, patternOption, type PatternPlace } from '../path-patterns.ts';
import type { Transform } from '../stage.ts';
import { syncTransform } from '../streams.ts';

const patterns = z.array(patternOption).min(1).optional();

const options = z
  .strictObject({
    drop: patterns.describe('Fields to leave out.').meta({ examples: [['owner.email', 'messages.metadata']] }),
    hmac: patterns
      .describe(
        'Fields to replace by a keyed digest (HMAC-SHA256, hex): equal values stay equal, nobody can read them.',
      )
      .meta({ examples: [['owner.id']] }),
    mask: patterns
      .describe('Fields to blank: strings become "***", numbers 0, booleans false; the shape stays.')
      .meta({ examples: [['**.text']] }),
    keep: patterns
      .describe('The only fields to keep; all else is left out.')
      .meta({ examples: [['id', 'messages.role']] }),
    key: z
      .string()
      .min(16)
      .optional()
      .describe('Key for `hmac`, at least 16 characters. The same key gives the same digests.')
      .meta({ secret: true, examples: ['${REDACT_KEY}'] }),
  })
  .refine(({ hmac, key }) => hmac === undefined || key !== undefined, { error: '"hmac" needs a "key"', path: ['key'] })
  .refine(({ drop, hmac, mask, keep }) => [drop, hmac, mask, keep].some((list) => list !== undefined), {
    error: 'needs "drop", "hmac", "mask" or "keep"',
  });
export type RedactOptions = z.input<typeof options>;

/**
 * Takes private fields out of records: drops them, replaces them by a keyed digest, blanks them, or keeps only the fields
 * that are listed.
 *
 * Patterns are field paths in which `*` stands for one step and `**` for any number; a name goes through arrays by itself,
 * so `messages.text` is the text of every message. A field that several lists name is dropped rather than digested, and
 * digested rather than blanked. `null` stays `null` under `hmac` and `mask`. What the lists give depends on the record and
 * the key only. With `keep`, objects and arrays on the way to a kept field stay, and the other lists apply to what is kept.
 */
export function redact(input: RedactOptions): Transform<unknown, unknown> {
  const { drop = [], hmac = [], mask = [], keep, key = '' } = options.parse(input);
  const rules = compilePatterns([drop, hmac, mask]);
  const kept = keep === undefined ? undefined : compilePatterns([keep]);
  const actions: readonly ((value: unknown) => unknown)[] = [() => gone, (value) => digest(value, key), blank];
  const fingerprint = hmac.length === 0 ? null : digest('fingerprint', key).slice(0, 8);
  const config = { drop, hmac, mask, keep: keep ?? null, key: fingerprint };
  return syncTransform(
    { name: 'redact', config },
    (ctx) => (batch) =>
      mapBatch(
        batch,
        (record) => {
          const allowed = kept === undefined ? record : only(record, kept);
          if (allowed === gone)
            throw new EtlError('ETL_RECORD_INVALID', 'the record is no object: nothing of it is in "keep"');
          return redacted(allowed, rules, actions);
        },
        ctx,
        { isPure: true },
      ),
  );
}

const gone: unique symbol = Symbol('gone');

/** The value without what is matched below `place`; itself when nothing is. */
function redacted(value: unknown, place: PatternPlace, actions: readonly ((value: unknown) => unknown)[]): unknown {
  if (place.isDead || !isContainer(value)) return value;
  const next = (found: unknown, inner: PatternPlace): unknown => {
    const action = inner.group === undefined ? undefined : actions[inner.group];
    return action === undefined ? redacted(found, inner, actions) : action(found);
  };
  if (Array.isArray(value)) {
    const items = value.map((item, index) => next(item, place.element(index)));
    return items.every((item, index) => item === value[index]) ? value : items.filter((item) => item !== gone);
  }
  const fields = value as Readonly<Record<string, unknown>>;
  let changed: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const found = next(fields[name], place.field(name));
    if (found === fields[name]) continue;
    // A spread copies a field called `__proto__` as a field, and setting one that is there changes that field.
    changed ??= { ...fields };
    if (found === gone) delete changed[name];
    else changed[name] = found;
  }
  return changed ?? value;
}

/** What of the value is matched below `place`. */
function only(value: unknown, place: PatternPlace): unknown {
  if (place.group !== undefined) return value;
  if (place.isDead || !isContainer(value)) return gone;
  if (Array.isArray(value))
    return value.map((item, index) => only(item, place.element(index))).filter((item) => item !== gone);
  const fields = Object.entries(value).map(([name, field]): [string, unknown] => [
    name,
    only(field, place.field(name)),
  ]);
  return Object.fromEntries(fields.filter(([, field]) => field !== gone));
}

function digest(value: unknown, key: string): string;
function digest(value: unknown, key: string): unknown;
function digest(value: unknown, key: string): unknown {
  if (value === null || value === undefined) return value;
  // The mark keeps the number 1 and the string "1" apart.
  const text = typeof value === 'string' ? value : `\0${canonicalJson(value)}`;
  return createHmac('sha256', key).update(text).digest('hex');
}

function blank(value: unknown): unknown {
  if (typeof value === 'string') return '***';
  if (typeof value === 'number' || typeof value === 'bigint') return 0;
  if (typeof value === 'boolean') return false;
  if (Array.isArray(value)) return value.map(blank);
  if (isContainer(value)) return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, blank(field)]));
  return value === null || value === undefined ? value : '***';
}

/** Dates, ids and other values with a JSON form of their own are leaves. */
function isContainer(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !('toJSON' in value && typeof value.toJSON === 'function');
}

export const redactComponent = defineTransform({
  type: 'redact',
  summary: 'Drops, digests or blanks private fields, or keeps only the fields listed',
  details:
    'Paths may hold `*` (one step) and `**` (any number); a name goes through arrays by itself. Records without such fields ' +
    'stay as they were read. Names of fields are never changed by `hmac` and `mask`: drop fields whose names are private.',
  accepts: 'any',
  gives: 'same',
  options,
  examples: [
    'type: redact\ndrop: [owner.email]\nhmac: [owner.id]\nkey: ${REDACT_KEY}',
    'type: redact\nkeep: [id, messages.role, messages.time]',
  ],
  create: redact,
});
