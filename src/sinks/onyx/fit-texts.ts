import { postgresFault, type PostgresClient } from '../../connections/postgres.ts';
import type { EtlError } from '../../errors.ts';
import { storableText } from '../../formats/postgres-text.ts';
import { cutOnyxMessage, cutText, safeTextBytes, splitOnyxMessage } from '../../mappings/conversation-to-onyx-split.ts';
import type { OnyxChat } from '../../models/onyx.ts';
import { dataFault } from './data-fault.ts';

/** What to do with a text that has too many different words for Onyx's search column. */
export type LongText = 'split' | 'cut' | 'reject';

/** A chat whose texts fit, and how many had to be changed. */
export interface FittedChat {
  readonly chat: OnyxChat;
  readonly split: number;
  readonly cut: number;
}

/**
 * Asks the server about texts that may have too many different words for Onyx's search column, and makes them fit.
 *
 * @throws {EtlError} `ETL_RECORD_INVALID` for a text that does not fit under `reject`.
 */
export async function fitTexts(
  client: PostgresClient,
  { chat: whole }: { readonly chat: OnyxChat },
  longText: LongText,
  changed: () => void,
): Promise<FittedChat> {
  let chat = whole;
  let split = 0;
  let cut = 0;
  // From the end, so that places before stay as they are.
  for (let place = chat.messages.length - 1; place >= 0; place -= 1) {
    const text = chat.messages[place]?.text ?? '';
    if (text.length * 3 <= safeTextBytes || Buffer.byteLength(text) <= safeTextBytes) continue;
    const storable = storableText(text, 'strip', changed);
    const fault = await searchFault(client, storable);
    if (fault === undefined) continue;
    if (longText === 'reject') throw fault;
    const pieces = cutText(storable);
    // Below the root there is no question to attach a file to.
    const shorter = longText === 'cut' ? cutOnyxMessage(chat, place, pieces) : undefined;
    if (shorter === undefined) split += 1;
    else cut += 1;
    chat = shorter ?? splitOnyxMessage(chat, place, pieces);
  }
  return { chat, split, cut };
}

async function searchFault(client: PostgresClient, text: string): Promise<EtlError | undefined> {
  try {
    await client.query("select length(to_tsvector('english', $1))", [text]);
    return undefined;
  } catch (error) {
    const fault = dataFault(error);
    if (fault === undefined || postgresFault(error).sqlState !== '54000') throw error;
    return fault;
  }
}
