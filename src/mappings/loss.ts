/** Something that the record a mapping gives does not hold any more: left out on purpose, or beyond the target's form. */
export interface Loss {
  /** What kind of thing, for counting: `secret`, `time` … */
  readonly kind: string;
  readonly messageId?: string | undefined;
  /** Which field, and why. Never the value. */
  readonly detail: string;
}
