import { Binary, BSONRegExp, Code, Decimal128, type Document, Long, MaxKey, MinKey, Timestamp, UUID } from 'bson';
import { linearChat, messageAt } from './chat-plan.ts';
import { note } from './damage-tree.ts';
import type { Chat, Owner, World } from './types.ts';

type Scenario = (world: World, owner: Owner) => Chat[];

/** Parts stored at stream positions, with holes between them. */
export const contentHoles: Scenario = (world, owner) =>
  answered(
    world,
    owner,
    { text: '', content: [null, { type: 'think', think: 'Hm.' }, null, null, { type: 'text', text: 'Here it is.' }] },
    'content-null-holes',
  );

/** Words in `text` and again in `content`. */
export const textTwice: Scenario = (world, owner) => {
  const text = world.text.prose(100);
  return answered(world, owner, { text, content: [{ type: 'text', text }] }, 'text-copies-content');
};

/** NUL, U+FFFD where half a surrogate pair was, line separators, direction marks, a byte order mark, and text that looks like Extended JSON. */
export const oddCharacters: Scenario = (world, owner) => {
  const nul = answered(
    world,
    owner,
    { text: 'before\u0000after', content: [{ type: 'text', text: 'before\u0000after' }] },
    'nul-character',
  );
  const lone = answered(world, owner, { text: 'half an emoji: \ud83d', content: undefined }, 'replacement-character'); // BSON encoding makes it U+FFFD
  const marks = answered(
    world,
    owner,
    { text: '\ufeff\u2028\u2029\u202eabc\u202c {"$oid":"0123456789abcdef01234567"}', content: undefined },
    'odd-characters',
  );
  return [...nul, ...lone, ...marks];
};

/** Values in `metadata` that JSON, JavaScript or PostgreSQL cannot hold as they are. */
export const oddNumbers: Scenario = (world, owner) => {
  const simple = { longest: Long.MAX_VALUE, long: Long.fromString('9007199254740993'), fraction: 0.1, '%': 1 };
  const exotic = {
    decimal: Decimal128.fromString('1234567890.1234567890123456789'),
    nan: Number.NaN,
    infinite: Number.NEGATIVE_INFINITY,
    negativeZero: -0,
    nested: [[1, [2, []]], []],
    'dotted.key': 1,
    $price: 1,
    binary: new Binary(Buffer.from([0, 1, 255]), 0),
    uuid: new UUID('01234567-89ab-4cde-8f01-23456789abcd'),
    pattern: new BSONRegExp('^a"b$', 'i'),
    code: new Code('return 1'),
    stamp: new Timestamp({ t: 1_700_000_000, i: 7 }),
    lowest: new MinKey(),
    highest: new MaxKey(),
    ancient: new Date(-62_135_596_800_000),
    later: new Date(253_402_300_800_000),
  };
  return answered(world, owner, { metadata: world.options.exotic ? { ...simple, ...exotic } : simple }, 'odd-metadata');
};

/**
 * A tool's arguments that are Extended JSON by chance: as BSON an object with a key `$oid`, but an export of it reads
 * back as an ObjectId. Nobody can tell the two apart in mongoexport files.
 */
export const extendedJsonLookalike: Scenario = (world, owner) => {
  if (!world.options.exotic) return [];
  const args = { filter: { _id: { $oid: '0123456789abcdef01234567' } } };
  const call = { id: 'call_1', name: 'find_mcp_mongodb', args, type: 'tool_call', progress: 1, output: '[]' };
  const content = [{ type: 'tool_call', tool_call: call }];
  return answered(world, owner, { text: '', content }, 'extended-json-lookalike');
};

/** Errors as JSON, as words, as a part and with a conversation that went on after; answers cut short. */
export const failures: Scenario = (world, owner) => {
  const chat = linearChat(world, owner, 4, { era: 'current' });
  const fail = (position: number, kind: string, set: Document): void => {
    messageAt(chat, position).set = set;
    note(world, chat, kind, position);
  };
  const json = JSON.stringify({ type: 'token_balance', balance: 0, tokenCost: 1200, promptTokens: 30 });
  fail(1, 'error-json', { error: true, text: json, content: undefined });
  fail(3, 'error-text', {
    error: true,
    text: 'Something went wrong. Here\'s the specific error message: "timeout"',
    content: undefined,
  });
  fail(5, 'error-part', {
    error: true,
    text: '',
    content: [
      { type: 'text', text: 'I beg' },
      { type: 'error', error: '429 rate limit' },
    ],
  });
  fail(7, 'unfinished', { unfinished: true, text: '', content: [{ type: 'text', text: 'The answer is for' }] });
  return [chat];
};

function answered(world: World, owner: Owner, set: Document, kind: string): Chat[] {
  const chat = linearChat(world, owner, 1, { era: 'current' });
  messageAt(chat, 1).set = set;
  note(world, chat, kind, 1);
  return [chat];
}
