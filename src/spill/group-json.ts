import type { JsonRecords } from '../formats/json-records.ts';
import type { Json } from '../json.ts';
import type { Group } from './external-group.ts';

const [openList, comma, close] = [Buffer.from('['), Buffer.from(','), Buffer.from('}')];
const closeList = Buffer.from(']');
const newline = Buffer.from('\n');

/**
 * Groups as records of JSON text: `{"key": …, "<name>": [members], …}`, with one list a name. A member's tag is the place of
 * its list among `names`. The members' text, which must be JSON, is copied as it stands.
 */
export function groupsToJson(
  groups: readonly Group[],
  keyOf: (key: Buffer) => Json,
  names: readonly string[],
): JsonRecords {
  const heads = names.map((name) => Buffer.from(`,${JSON.stringify(name)}:`));
  const parts: Uint8Array[] = [];
  const starts = new Uint32Array(groups.length);
  const ends = new Uint32Array(groups.length);
  let size = 0;
  const put = (bytes: Uint8Array): void => {
    parts.push(bytes);
    size += bytes.length;
  };
  for (const [index, { key, members }] of groups.entries()) {
    starts[index] = size;
    put(Buffer.from(`{"key":${JSON.stringify(keyOf(key))}`));
    for (const [tag, head] of heads.entries()) {
      put(head);
      let separator = openList;
      for (const member of members) {
        if (member.tag !== tag) continue;
        put(separator);
        put(member.text);
        separator = comma;
      }
      if (separator === openList) put(openList);
      put(closeList);
    }
    put(close);
    ends[index] = size;
    put(newline);
  }
  return { bytes: Buffer.concat(parts, size), starts, ends, count: groups.length };
}
