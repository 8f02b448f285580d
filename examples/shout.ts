import { EtlError, mapBatch, syncTransform, type Transform } from '../src/index.ts';

interface Message {
  readonly text: string;
}

/** Puts the text of messages into capitals. A record without text is rejected. */
export function shout(): Transform<unknown, Message> {
  return syncTransform({ name: 'shout' }, (ctx) => (batch) => mapBatch(batch, loud, ctx));
}

function loud(record: unknown): Message {
  if (!isMessage(record)) throw new EtlError('ETL_RECORD_INVALID', 'expected "text" to be a string');
  return { ...record, text: record.text.toUpperCase() };
}

function isMessage(record: unknown): record is Message {
  return record !== null && typeof record === 'object' && 'text' in record && typeof record.text === 'string';
}
