import * as content from './damage-content.ts';
import * as copies from './damage-copies.ts';
import { brokenFiles, everyStorage } from './damage-files.ts';
import * as groups from './damage-groups.ts';
import * as times from './damage-times.ts';
import * as tree from './damage-tree.ts';
import * as showcases from './showcases.ts';
import { STORAGE_KINDS, type StorageKind } from './storage-kinds.ts';
import type { Chat, Owner, World } from './types.ts';

/** Chats made on purpose, beside the ordinary ones. */
export type Scenario = (world: World, owner: Owner) => Chat[];

/** Sound data that every reader must cope with; always planted. */
export const SHOWCASES: readonly Scenario[] = [
  showcases.partShowcase,
  showcases.attachmentShowcase,
  showcases.branchShowcase,
  showcases.parallelShowcase,
  showcases.subagentShowcase,
  showcases.settingsShowcase,
  everyStorage(Object.keys(STORAGE_KINDS) as StorageKind[]), // its keys are the kinds
];

/** Damage seen in the wild; planted when asked for. */
export const DAMAGE: readonly Scenario[] = [
  tree.parentUnderscore,
  tree.idUnderscores,
  tree.missingParent,
  tree.forest,
  tree.selfParent,
  tree.mutualCycle,
  tree.pureCycle,
  tree.severalRoots,
  tree.rootForms,
  copies.exactDuplicate,
  copies.unfinishedDuplicate,
  copies.editedDuplicate,
  copies.parallelLost,
  times.createdAtAbsent,
  times.timeInversion,
  times.equalTimes,
  times.expiries,
  groups.conversationIdForms,
  groups.orphans,
  groups.emptyChat,
  groups.sharedIds,
  groups.deletedUser,
  groups.fork,
  groups.incompleteArray,
  content.contentHoles,
  content.textTwice,
  content.oddCharacters,
  content.oddNumbers,
  content.extendedJsonLookalike,
  content.failures,
  brokenFiles,
];

/** Spreads scenarios over `conversations` places: each at one place of a thousand, and at least once. */
export function scheduleScenarios(
  scenarios: readonly Scenario[],
  conversations: number,
): (place: number) => Scenario | undefined {
  const rounds = Math.max(1, Math.round(conversations / 1000));
  const total = rounds * scenarios.length;
  if (total > conversations) {
    throw new RangeError(`expected at least ${total} conversations to hold every scenario, received ${conversations}`);
  }
  return (place) => {
    // The k-th of `total` lies at floor((k + ½) · conversations / total).
    const k = Math.ceil((place * total) / conversations - 0.5);
    const isThere = k >= 0 && k < total && Math.floor(((k + 0.5) * conversations) / total) === place;
    return isThere ? scenarios[k % scenarios.length] : undefined;
  };
}
