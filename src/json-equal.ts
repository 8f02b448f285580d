/** Whether two JSON values are the same: the order of properties does not count. Faster than comparing objects of all kinds. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!jsonEqual(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  let count = 0;
  for (const name in left) {
    if (!Object.hasOwn(right, name) || !jsonEqual(left[name], right[name])) return false;
    count += 1;
  }
  for (const _ in right) count -= 1;
  return count === 0;
}

/** About how long a value is as JSON text, without making the text: exact enough to cut pieces by. */
export function roughJsonLength(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 6;
  let length = 2;
  if (Array.isArray(value)) for (const item of value) length += roughJsonLength(item) + 1;
  else for (const [name, item] of Object.entries(value)) length += name.length + 4 + roughJsonLength(item);
  return length;
}
