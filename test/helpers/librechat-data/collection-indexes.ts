/** One index as `listIndexes` and a dump's metadata name it. */
export interface CollectionIndex {
  readonly key: Readonly<Record<string, 1 | -1>>;
  readonly unique?: boolean;
  readonly expireAfterSeconds?: number;
}
/** Which LibreChat built the indexes; `damaged` is an older one whose unique indexes failed to build. */
export type IndexEra = 'older' | 'current' | 'damaged';

const on = (...fields: string[]): CollectionIndex => ({
  key: Object.fromEntries(
    fields.map((field) => (field.startsWith('-') ? [field.slice(1), -1] : [field, 1])) as [string, 1 | -1][],
  ),
});
const unique = (...fields: string[]): CollectionIndex => ({ ...on(...fields), unique: true });
const expires = (field: string, expireAfterSeconds: number): CollectionIndex => ({ ...on(field), expireAfterSeconds });

const PLAIN: Record<string, readonly CollectionIndex[]> = {
  conversations: [on('conversationId'), on('user'), expires('expiredAt', 0), on('createdAt', 'updatedAt')],
  messages: [on('messageId'), on('conversationId'), on('user'), expires('expiredAt', 0), on('createdAt')],
  files: [on('user'), on('file_id'), on('conversationId'), expires('expiresAt', 3600), on('createdAt', 'updatedAt')],
  users: [expires('expiresAt', 604_800)],
  sharedlinks: [on('conversationId'), on('user')],
  toolcalls: [on('conversationId', 'user'), on('messageId', 'user')],
  transactions: [on('user'), on('conversationId')],
};
const OLDER: Record<string, readonly CollectionIndex[]> = {
  conversations: [unique('conversationId', 'user')],
  messages: [unique('messageId', 'user')],
  users: [unique('email')],
  conversationtags: [unique('tag', 'user')],
};
const CURRENT: Record<string, readonly CollectionIndex[]> = {
  conversations: [
    unique('conversationId', 'user', 'tenantId'),
    on('user', '_id'),
    on('user', 'isArchived', '-updatedAt', '-_id'),
  ],
  messages: [
    unique('messageId', 'user', 'tenantId'),
    on('conversationId', 'user', 'createdAt', '_id'),
    on('user', 'conversationId', '-createdAt', '-_id'),
  ],
  users: [unique('email', 'tenantId')],
  conversationtags: [unique('tag', 'user', 'tenantId')],
};

/** Indexes of a collection beside `_id`, as LibreChat's schemas declare them (`@librechat/data-schemas` 0.0.71 and before). */
export function collectionIndexes(collection: string, era: IndexEra): readonly CollectionIndex[] {
  const added = { older: OLDER, current: CURRENT, damaged: {} as typeof OLDER }[era];
  return [...(PLAIN[collection] ?? []), ...(added[collection] ?? [])];
}

/** The name MongoDB gives an index: fields and directions joined by `_`; the one on `_id` alone is `_id_`. */
export function indexName({ key }: CollectionIndex): string {
  const name = Object.entries(key).flat().join('_');
  return name === '_id_1' ? '_id_' : name;
}
