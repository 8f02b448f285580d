/** True when both types are the same, not only assignable to each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when `Actual` is exactly `Expected`: `same<number, typeof value>(true)`. */
export function same<Actual, Expected>(_isSame: Same<Actual, Expected>): void {
  // Types only: nothing to do at run time.
}
