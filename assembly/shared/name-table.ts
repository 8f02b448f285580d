// Names of members and what each stands for, found by their bytes. The table of hashes lies at 1024 and takes 4 KiB; the
// names are where the module puts them. A value of 0 is none.

const TABLE: usize = 1024;
const TABLE_MASK: u32 = 1023;
const HEAD_BYTES: usize = 12;

/** The value of a name; 0 when it was not put in. */
// @ts-ignore: decorator
@inline
export function valueOfName(p: usize, length: u32): u32 {
  for (let at = <usize>load<u32>(TABLE + (hashOf(p, length) << 2)); at != 0; at = <usize>load<u32>(at)) {
    if (load<u32>(at + 4) == length && isSame(at + HEAD_BYTES, p, length)) return load<u32>(at + 8);
  }
  return 0;
}

/** Puts a name in at `at`, where there is room for 20 bytes more than it has; gives the end of what it takes there. */
export function putName(at: usize, name: usize, length: i32, value: u32): usize {
  memory.copy(at + HEAD_BYTES, name, length);
  const place = TABLE + (hashOf(name, length) << 2);
  // Names of one hash are a list.
  store<u32>(at, load<u32>(place));
  store<u32>(at + 4, length);
  store<u32>(at + 8, value);
  store<u32>(place, <u32>at);
  return at + ((HEAD_BYTES + length + 7) & ~7);
}

// @ts-ignore: decorator
@inline
export function isSame(a: usize, b: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
  return true;
}

// @ts-ignore: decorator
@inline
function hashOf(p: usize, length: u32): u32 {
  // The first and the last eight bytes tell the names of documents apart; eight may be read whatever the length.
  const head = load<u64>(p);
  let mixed = length >= 8 ? head : head & ((<u64>1 << (length * 8)) - 1);
  if (length > 8) mixed ^= load<u64>(p + length - 8) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ length) * 0xff51afd7ed558ccd;
  return <u32>(mixed >> 40) & TABLE_MASK;
}
