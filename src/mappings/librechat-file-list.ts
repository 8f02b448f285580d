import type { Json } from '../json.ts';
import type { ConversationRepair, FileRecord } from '../models/conversation.ts';
import { idText, timeNumber, timeText, type Document } from '../models/extended-json.ts';
import { librechatToFile } from './librechat-files.ts';
import { isBookkeeping } from './librechat-secrets.ts';

/** Members of a snapshot that the file's record or the reference itself holds. */
const inReference = new Set(['file_id', 'filename', 'type']);

/**
 * The files of one conversation, in the order they are first named.
 *
 * Messages keep snapshots of file documents, often old ones: the document counts where there is one, as in LibreChat itself,
 * and what the snapshot says otherwise goes with the reference.
 */
export class FileList {
  readonly #ownerId: string;
  readonly #clean: (value: Json, place: string) => Json;
  readonly #documents: ReadonlyMap<string, Document>;
  readonly #files = new Map<string, FileRecord>();
  readonly repairs: ConversationRepair[] = [];
  /** Documents that gave way to another one of the same id. */
  readonly dropped: Document[] = [];

  constructor(documents: readonly Document[], ownerId: string, clean: (value: Json, place: string) => Json) {
    this.#ownerId = ownerId;
    this.#clean = clean;
    this.#documents = this.#choose(documents);
  }

  /** Takes in a file that a message shows and gives what only the message says of it. */
  refer(id: string, snapshot: Document): { readonly [name: string]: Json } | undefined {
    const document = this.#documents.get(id);
    if (document === undefined) {
      if (!this.#files.has(id)) {
        this.#files.set(id, { ...this.#record(id, snapshot), fromMessage: true });
        this.repairs.push({ kind: 'file-document-missing', detail: id });
      }
      return undefined;
    }
    this.add(id);
    return this.#difference(snapshot, document);
  }

  /** Takes in a file by its id alone. */
  add(id: string): void {
    if (this.#files.has(id)) return;
    const document = this.#documents.get(id);
    if (document !== undefined) this.#files.set(id, this.#record(id, document));
  }

  /** The document that counts of those with this id. */
  chosen(id: string): Document | undefined {
    return this.#documents.get(id);
  }

  /** Takes in what is known of a file that has no id, such as the short-lived result of a tool. */
  put(file: FileRecord): void {
    this.#files.set(file.id, file);
  }

  /** All files, with those that only the conversation names (and those whose documents name the conversation) at the end. */
  finish(named: readonly string[]): FileRecord[] {
    for (const id of [...named, ...this.#documents.keys()]) {
      this.add(id);
      if (this.#files.has(id)) continue;
      this.#files.set(id, { id, unavailable: 'missing' });
      this.repairs.push({ kind: 'file-document-missing', detail: id });
    }
    return [...this.#files.values()];
  }

  #record(id: string, document: Document): FileRecord {
    const file = librechatToFile(id, document, this.#ownerId);
    return file.extra === undefined
      ? file
      : { ...file, extra: this.#clean(file.extra, 'files') as { [name: string]: Json } };
  }

  /** One document an id: the owner's own, then the one saved last. */
  #choose(documents: readonly Document[]): Map<string, Document> {
    const chosen = new Map<string, Document>();
    for (const document of documents) {
      const id = idText(document['file_id']);
      if (id === undefined) continue;
      const other = chosen.get(id);
      const isChosen = other === undefined || this.#isBetter(document, other);
      if (isChosen) chosen.set(id, document);
      if (other === undefined) continue;
      this.repairs.push({ kind: 'file-duplicate', detail: id });
      this.dropped.push(isChosen ? other : document);
    }
    return chosen;
  }

  #isBetter(one: Document, other: Document): boolean {
    const isOwn = (document: Document): number => Number(idText(document['user']) === this.#ownerId);
    const saved = (document: Document): number => timeNumber(timeText(document['updatedAt'])) ?? 0;
    const difference = isOwn(one) - isOwn(other) || saved(one) - saved(other);
    if (difference !== 0) return difference > 0;
    return (idText(one['_id']) ?? '') < (idText(other['_id']) ?? '');
  }

  #difference(snapshot: Document, document: Document): { readonly [name: string]: Json } | undefined {
    let different: { [name: string]: Json } | undefined;
    for (const name of Object.keys(snapshot)) {
      const value = snapshot[name];
      if (value === undefined || isBookkeeping(name)) continue;
      if (inReference.has(name) && typeof value === 'string') continue;
      if (isSame(name, value, document[name], this.#clean)) continue;
      different ??= {};
      different[name] = this.#clean(value, `files.${name}`);
    }
    return different;
  }
}

function isSame(
  name: string,
  value: Json,
  stored: Json | undefined,
  clean: (value: Json, place: string) => Json,
): boolean {
  if (value === stored || stored === undefined) return value === stored;
  if (name === 'user') return idText(value) === idText(stored);
  const own = clean(value, `files.${name}`);
  return JSON.stringify(own) === JSON.stringify(clean(stored, `files.${name}`));
}
