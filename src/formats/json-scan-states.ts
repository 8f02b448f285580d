/**
 * States of the machine that scans JSON: what it expects next. The numbers are those of assembly/json-scan.ts and of the twin in
 * TypeScript.
 */
export const jsonScanStates = {
  value: 0,
  firstValue: 1,
  firstKey: 2,
  key: 3,
  colon: 4,
  after: 5,
  string: 6,
  escape: 7,
  hex: 8,
  literal: 9,
  minus: 10,
  zero: 11,
  integer: 12,
  point: 13,
  fraction: 14,
  exponent: 15,
  exponentSign: 16,
  exponentDigits: 17,
  lost: 18,
  lostString: 19,
  lostEscape: 20,
} as const;
