import type { BSON } from 'mongodb';

const isNumber = new Set(['Long', 'Decimal128', 'Int32', 'Double']);

/** The order of BSON types: a range finds only values of its own type. Written apart from the library's, to check it. */
export function typeRank(value: unknown): number {
  if (value === undefined || value === null) return 1;
  const name = tag(value);
  if (typeof value === 'number' || isNumber.has(name ?? '')) return 2;
  if (typeof value === 'string' || name === 'BSONSymbol') return 3;
  if (Array.isArray(value)) return 5;
  if (name === 'Binary') return 6;
  if (name === 'ObjectId') return 7;
  if (typeof value === 'boolean') return 8;
  if (value instanceof Date) return 9;
  if (name === 'Timestamp') return 10;
  if (value instanceof RegExp || name === 'BSONRegExp') return 11;
  if (name === 'Code') return (value as BSON.Code).scope ? 12.5 : 12;
  if (name === 'MinKey') return 0;
  if (name === 'MaxKey') return 13;
  return 4;
}

export function compare(a: unknown, b: unknown): number {
  const rank = typeRank(a);
  const other = typeRank(b);
  return rank === other ? compareWithin(rank, a, b) : rank - other;
}

function compareWithin(rank: number, a: unknown, b: unknown): number {
  switch (rank) {
    case 2:
      return compareNumbers(a, b);
    case 3:
      return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
    case 4:
    case 5:
      return compareObjects(a as BSON.Document, b as BSON.Document);
    case 6: {
      const [x, y] = [a as BSON.Binary, b as BSON.Binary];
      return x.position - y.position || x.sub_type - y.sub_type || Buffer.compare(x.value(), y.value());
    }
    case 7:
      return Buffer.compare((a as BSON.ObjectId).id, (b as BSON.ObjectId).id);
    case 8:
    case 9:
      return Number(a) - Number(b);
    case 10:
      return Number((a as BSON.Timestamp).toBigInt() - (b as BSON.Timestamp).toBigInt());
    default:
      return String(a) < String(b) ? -1 : Number(String(a) > String(b));
  }
}

function compareNumbers(a: unknown, b: unknown): number {
  if (tag(a) === 'Long' && tag(b) === 'Long') return (a as BSON.Long).compare(b as BSON.Long);
  const [x, y] = [Number(String(a)), Number(String(b))];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(y)) - Number(Number.isNaN(x));
  return x < y ? -1 : Number(x > y);
}

function compareObjects(a: BSON.Document, b: BSON.Document): number {
  const [left, right] = [Object.entries(a), Object.entries(b)];
  for (const [i, [name, value]] of left.entries()) {
    const other = right[i];
    if (other === undefined) return 1;
    const order =
      typeRank(value) - typeRank(other[1]) ||
      (name < other[0] ? -1 : Number(name > other[0])) ||
      compare(value, other[1]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function tag(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && '_bsontype' in value ? String(value._bsontype) : undefined;
}

const aliases: Record<string, (value: unknown) => boolean> = {
  double: (value) => typeof value === 'number',
  int: (value) => Number.isInteger(value),
  long: (value) => tag(value) === 'Long',
  decimal: (value) => tag(value) === 'Decimal128',
  array: Array.isArray,
};
const ranks: Record<string, number> = {
  minKey: 0,
  null: 1,
  number: 2,
  string: 3,
  symbol: 3,
  object: 4,
  binData: 6,
  objectId: 7,
  bool: 8,
  date: 9,
  timestamp: 10,
  regex: 11,
  javascript: 12,
  javascriptWithScope: 12.5,
  dbPointer: 12,
  maxKey: 13,
};

/** Whether `$type: alias` finds the value. Absent values have no type. Throws for an alias it does not know. */
export function hasType(value: unknown, alias: unknown): boolean {
  const name = String(alias);
  const special = aliases[name];
  if (special !== undefined) return special(value);
  const rank = ranks[name];
  if (rank === undefined) throw new Error(`unknown type name alias: ${name}`);
  return value !== undefined && typeRank(value) === rank;
}
