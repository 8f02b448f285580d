import { BSON } from 'mongodb';

/**
 * MongoDB's wire messages, as far as a driver of today sends them: OP_QUERY for the first greeting, OP_MSG for all else.
 *
 * @see MongoDB manual, "MongoDB Wire Protocol"
 */
const opReply = 1;
const opQuery = 2004;
const opMsg = 2013;

/** Document sequences (section kind 1) by name, each document as bytes: what bulk inserts use. */
type Sequences = ReadonlyMap<string, readonly Buffer[]>;

/** One command as it came in. */
export interface Request {
  readonly id: number;
  readonly opCode: number;
  /** The database the command is for. */
  readonly db: string;
  /** Its first field's name: `find`. */
  readonly name: string;
  readonly body: BSON.Document;
  readonly sequences: Sequences;
}

/** Takes whole messages off the front of what has arrived; gives what is left. */
export function takeMessages(arrived: Buffer, each: (message: Buffer) => void): Buffer {
  let at = 0;
  while (arrived.length - at >= 4) {
    const length = arrived.readInt32LE(at);
    if (length < 16) throw new Error(`a message of ${length} bytes`);
    if (arrived.length - at < length) break;
    each(arrived.subarray(at, at + length));
    at += length;
  }
  return arrived.subarray(at);
}

export function parseRequest(message: Buffer): Request {
  const id = message.readInt32LE(4);
  const opCode = message.readInt32LE(12);
  if (opCode === opQuery) return parseQuery(message, id);
  if (opCode !== opMsg) throw new Error(`opcode ${opCode} is not supported`);
  const sequences = new Map<string, Buffer[]>();
  let body: BSON.Document = {};
  const hasChecksum = (message.readUInt32LE(16) & 1) === 1;
  const end = hasChecksum ? message.length - 4 : message.length;
  let at = 20;
  while (at < end) {
    const kind = message[at];
    const size = message.readInt32LE(at + 1);
    const section = message.subarray(at + 1, at + 1 + size);
    if (kind === 0) body = decode(section);
    else addSequence(sequences, section);
    at += 1 + size;
  }
  return { id, opCode, db: String(body['$db']), name: Object.keys(body)[0] ?? '', body, sequences };
}

function parseQuery(message: Buffer, id: number): Request {
  const nameEnd = message.indexOf(0, 20);
  const at = nameEnd + 1 + 8;
  const body = decode(message.subarray(at, at + message.readInt32LE(at)));
  const db = message.toString('utf8', 20, nameEnd).replace(/\.\$cmd$/, '');
  return { id, opCode: opQuery, db, name: Object.keys(body)[0] ?? '', body, sequences: new Map() };
}

function addSequence(sequences: Map<string, Buffer[]>, section: Buffer): void {
  const nameEnd = section.indexOf(0, 4);
  const documents: Buffer[] = [];
  for (let at = nameEnd + 1; at < section.length; ) {
    const size = section.readInt32LE(at);
    documents.push(Buffer.from(section.subarray(at, at + size)));
    at += size;
  }
  sequences.set(section.toString('utf8', 4, nameEnd), documents);
}

/** A document for looking at: numbers as numbers, 64-bit ones beyond 2^53 as `Long`. */
export function decode(bytes: Uint8Array): BSON.Document {
  return BSON.deserialize(bytes, { promoteBuffers: false, promoteValues: true });
}

/** What goes before the document in the reply to a request. */
export function replyHead(request: Request, document: Uint8Array): Buffer {
  const prefix = request.opCode === opQuery ? 20 : 5;
  const head = Buffer.alloc(16 + prefix);
  head.writeInt32LE(head.length + document.length, 0);
  head.writeInt32LE(request.id + 1, 4);
  head.writeInt32LE(request.id, 8);
  head.writeInt32LE(request.opCode === opQuery ? opReply : opMsg, 12);
  // OP_REPLY: flags, cursor id, starting from, number returned. OP_MSG: flags and the section's kind, all zero.
  if (request.opCode === opQuery) head.writeInt32LE(1, 32);
  return head;
}

/** `{ cursor: { BATCH: [documents], id, ns }, ok: 1 }` around documents that are bytes already. */
export function cursorReply(
  batch: 'firstBatch' | 'nextBatch',
  documents: readonly Uint8Array[],
  id: bigint,
  ns: string,
): Buffer {
  const elements: Uint8Array[] = [];
  for (const [index, document] of documents.entries()) elements.push(Buffer.from(`\x03${index}\0`), document);
  return cursorReplyAround(batch, Buffer.concat(elements), id, ns);
}

/** The same around the array's elements as one run of bytes. */
export function cursorReplyAround(
  batch: 'firstBatch' | 'nextBatch',
  elements: Uint8Array,
  id: bigint,
  ns: string,
): Buffer {
  // The rest of the cursor is an ordinary document: its bytes without length and end mark.
  const rest = BSON.serialize({ id: BSON.Long.fromBigInt(id), ns }).subarray(4);
  const cursor = [Buffer.from(`\x04${batch}\0`), int32(elements.length + 5), elements, Buffer.alloc(1), rest];
  const cursorLength = cursor.reduce((sum, part) => sum + part.length, 4);
  const ok = BSON.serialize({ ok: 1 }).subarray(4);
  const name = Buffer.from('\x03cursor\0');
  return Buffer.concat([int32(4 + name.length + cursorLength + ok.length), name, int32(cursorLength), ...cursor, ok]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
