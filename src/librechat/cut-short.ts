import { EtlError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { StageContext } from '../stage.ts';
import type { LibrechatInput } from './librechat-input.ts';

/** Where the files of a dump end too early, for a cursor; nothing when all that was read is whole. */
export function cutPlaces({ cut }: LibrechatInput): Json | undefined {
  if (cut.size === 0) return undefined;
  return Object.fromEntries(Array.from(cut, ([collection, { where }]) => [collection, where.offset ?? 0]));
}

/**
 * Holds that a dump is cut short where it was when the run began. A mended one has documents of chats that were given already.
 *
 * @throws {EtlError} `ETL_SOURCE_CHANGED`
 */
export function holdCutPlaces(before: Json | undefined, input: LibrechatInput): void {
  const now = cutPlaces(input);
  if (JSON.stringify(before) === JSON.stringify(now)) return;
  const what = before === undefined ? 'is cut short now, and was not' : 'was cut short, and is another one now';
  throw new EtlError('ETL_SOURCE_CHANGED', `the dump ${what}: chats that are exported already may lack messages`, {
    hint: 'Remove what was exported, or export to another folder.',
  });
}

/** Ends a reading of a dump that was cut short: with the error, or with a warning when the loss is accepted. */
export function endCutShort({ cut }: LibrechatInput, isAccepted: boolean, ctx: StageContext): void {
  for (const [collection, { message, where }] of cut) {
    const rest = `${collection} after ${where.file ?? ''}, byte ${where.offset ?? 0} are missing (${message})`;
    if (isAccepted) {
      ctx.finding(`cut short: ${collection}`, 1);
      ctx.warn(`${rest}: chats may lack some`);
      continue;
    }
    throw new EtlError('ETL_SOURCE_TRUNCATED', message, {
      where,
      hint:
        `What was readable has been exported; ${rest}. Make the dump again and export anew, ` +
        'or take what there is: the same command with --accept-truncated (`acceptTruncated: true`) completes the export.',
    });
  }
}
