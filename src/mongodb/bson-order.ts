import type { Binary, Code, Long, ObjectId, Timestamp } from 'bson';

/**
 * Groups of types in the order MongoDB sorts them, by the names `$type` knows them. A range (`$gt`) finds only values of
 * the bound's own group.
 *
 * @see MongoDB manual, "Comparison/Sort Order"
 */
const groups: readonly (readonly string[])[] = [
  ['minKey'],
  ['null'],
  ['number'],
  ['string', 'symbol'],
  ['object'],
  ['array'],
  ['binData'],
  ['objectId'],
  ['bool'],
  ['date'],
  ['timestamp'],
  ['regex'],
  ['dbPointer'],
  ['javascript'],
  ['javascriptWithScope'],
  ['maxKey'],
];

/** Types that every server that speaks the protocol knows. One that does not know the others cannot hold them either. */
const common = new Set(['number', 'string', 'object', 'binData', 'objectId', 'bool', 'date', 'timestamp']);

const rankByName = new Map(groups.flatMap((names, rank) => names.map((name) => [name, rank] as const)));

/** The group a value of the `bson` package belongs to; plain JavaScript values too. Absent counts as null. */
function typeRank(value: unknown): number {
  return rankByName.get(typeName(value)) ?? 0;
}

/**
 * Names of the types that sort after this value's group, for `$type`; `commonOnly` leaves out those that some servers do
 * not know. Arrays are not among them: `$type` finds an array by its elements.
 */
export function typesAfter(value: unknown, { commonOnly = false }: { readonly commonOnly?: boolean } = {}): string[] {
  const later = groups.slice(typeRank(value) + 1).flat();
  return later.filter((name) => name !== 'array' && (!commonOnly || common.has(name)));
}

/** Compares two values the way MongoDB sorts them without a collation: negative, 0 or positive. */
export function compareBson(a: unknown, b: unknown): number {
  const rank = typeRank(a);
  const byType = rank - typeRank(b);
  if (byType !== 0) return byType;
  switch (groups[rank]?.[0]) {
    case 'number':
      return compareNumbers(a, b);
    case 'string':
      return compareText(String(a), String(b));
    case 'object':
    case 'array':
      return compareFields(a as object, b as object);
    case 'binData':
      return compareBinary(a as Binary, b as Binary);
    case 'objectId':
      return Buffer.compare((a as ObjectId).id, (b as ObjectId).id);
    case 'bool':
    case 'date':
      return Number(a) - Number(b);
    case 'timestamp':
      return compareExact((a as Timestamp).toBigInt(), (b as Timestamp).toBigInt());
    case 'regex':
    case 'dbPointer':
    case 'javascript':
    case 'javascriptWithScope':
      return compareText(JSON.stringify(a), JSON.stringify(b));
    default:
      return 0;
  }
}

function typeName(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number' || typeof value === 'bigint') return 'number';
  if (typeof value === 'boolean') return 'bool';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Date) return 'date';
  if (value instanceof RegExp) return 'regex';
  const name = namesByTag[tagOf(value)] ?? 'object';
  return name === 'javascript' && (value as Code).scope ? 'javascriptWithScope' : name;
}

const namesByTag: Readonly<Record<string, string>> = {
  Int32: 'number',
  Double: 'number',
  Long: 'number',
  Decimal128: 'number',
  BSONSymbol: 'symbol',
  Binary: 'binData',
  ObjectId: 'objectId',
  Timestamp: 'timestamp',
  BSONRegExp: 'regex',
  DBRef: 'object',
  Code: 'javascript',
  MinKey: 'minKey',
  MaxKey: 'maxKey',
};

function tagOf(value: unknown): string {
  return typeof value === 'object' && value !== null && '_bsontype' in value ? String(value._bsontype) : '';
}

/** True for the one number that no range finds. */
export function isNaNValue(value: unknown): boolean {
  return typeRank(value) === rankByName.get('number') && Number.isNaN(asNumber(value));
}

function compareNumbers(a: unknown, b: unknown): number {
  const [exactA, exactB] = [asInteger(a), asInteger(b)];
  if (exactA !== undefined && exactB !== undefined) return compareExact(exactA, exactB);
  const [x, y] = [asNumber(a), asNumber(b)];
  // NaN sorts before all other numbers.
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(y)) - Number(Number.isNaN(x));
  return x < y ? -1 : Number(x > y);
}

function asInteger(value: unknown): bigint | undefined {
  // By tag, not by class: the driver's own copy of the bson package has classes of its own.
  const tag = tagOf(value);
  if (tag === 'Long') return (value as Long).toBigInt();
  if (tag === 'Decimal128') return undefined;
  const number = asNumber(value);
  return Number.isInteger(number) ? BigInt(number) : undefined;
}

/** Int32 and Double give their number as text too, Decimal128 and Long their digits. */
function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : Number(String(value));
}

function compareExact(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}

/** By UTF-8 bytes, which is not how JavaScript compares strings. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function compareBinary(a: Binary, b: Binary): number {
  const [x, y] = [a.value(), b.value()];
  return x.length - y.length || a.sub_type - b.sub_type || Buffer.compare(x, y);
}

/** Field by field: type, then name, then value; a document that ends first is the smaller one. */
function compareFields(a: object, b: object): number {
  const [left, right] = [Object.entries(a) as [string, unknown][], Object.entries(b) as [string, unknown][]];
  for (const [i, [name, value]] of left.entries()) {
    const other = right[i];
    if (other === undefined) return 1;
    const order = typeRank(value) - typeRank(other[1]) || compareText(name, other[0]) || compareBson(value, other[1]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
