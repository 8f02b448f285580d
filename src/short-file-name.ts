import { hash } from 'node:crypto';

/** A text as the name of a file or folder: what is no letter, digit, `.` or `-` is `_`; a long one is cut, and ends with a digest of the whole. */
export function shortFileName(text: string, maxLength = 100): string {
  const name = text.replaceAll(/[^A-Za-z0-9._-]+/g, '_');
  return name.length <= maxLength ? name : `${name.slice(0, maxLength)}-${hash('sha256', text).slice(0, 8)}`;
}
