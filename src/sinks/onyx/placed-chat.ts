import type { Json } from '../../json.ts';
import type { OnyxChat } from '../../models/onyx.ts';
import type { PlannedRecord } from './load.ts';

/** A chat with its owner and all that it needs from the database: ready to be written. */
export interface PlacedChat {
  readonly record: PlannedRecord;
  readonly key: string;
  readonly digest: string;
  readonly chat: OnyxChat;
  readonly userId: string;
  readonly personaId: number;
  readonly projectId: number | null;
  /** The tool of that name. */
  tools(name: string): number | undefined;
  /** The `files` of the message at a place. */
  filesOf(place: number): Json;
}
