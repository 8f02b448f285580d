/**
 * A message as tree repair sees it: whose answer it is, and what tells it from its neighbours.
 *
 * `parentId: null` is a first message. Systems that write a marker there instead (`00000000-…`, an empty string) translate
 * it before.
 */
export interface TreeNode {
  readonly id: string | null;
  readonly parentId: string | null;
  /** Milliseconds since 1970, with fractions where the source has them. */
  readonly time?: number | undefined;
  /** The time is a guess (from a database id, from a neighbour): good for the order, not for findings about times. */
  readonly isTimeInferred?: boolean | undefined;
  /** Breaks ties between equal times: compared as text, smaller is earlier. */
  readonly order?: string | undefined;
  readonly role?: string | undefined;
  readonly isUnfinished?: boolean | undefined;
  /** When it was saved last, in milliseconds since 1970. */
  readonly updated?: number | undefined;
  /** All that is said in it, as text: two messages of one id with the same content are exact duplicates. */
  readonly content?: (() => string) | undefined;
}

/** What was found wrong in a tree and how it was mended. */
export type TreeRepairKind =
  | 'id-absent'
  | 'duplicate-exact'
  | 'duplicate-conflicting'
  | 'self-parent'
  | 'parent-cycle'
  | 'parent-trailing-underscore'
  | 'missing-parent'
  | 'time-absent'
  | 'time-before-parent'
  | 'time-equals-parent';

/** One repair. `detail` holds what was there before and what took its place, as far as it is not in the message itself. */
export interface Repair<Kind extends string = string> {
  readonly kind: Kind;
  /** The message concerned; absent when it is the conversation as a whole. */
  readonly messageId?: string | undefined;
  readonly detail?: string | undefined;
}

/** The order in time: time, then the tie breaker, then the id. Messages without a time come first, as in MongoDB. */
export function compareNodes(a: TreeNode, b: TreeNode): number {
  const byTime = (a.time ?? Number.NEGATIVE_INFINITY) - (b.time ?? Number.NEGATIVE_INFINITY);
  // -Infinity minus -Infinity is NaN: neither has a time.
  if (byTime < 0 || byTime > 0) return byTime;
  return compareText(a.order ?? '', b.order ?? '') || compareText(a.id ?? '', b.id ?? '');
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
