const FEED = 0x0a;
const RETURN = 0x0d;

/**
 * Makes the JSON value in `buffer[start .. end)` one line, in place: drops each run of white space that holds a line
 * break. In valid JSON a raw line break is always white space between tokens. Gives the new end.
 */
export function stripLineBreaks(buffer: Buffer, start: number, end: number): number {
  const view = buffer.subarray(start, end);
  let feed = view.indexOf(FEED);
  let back = view.indexOf(RETURN);
  if (feed < 0 && back < 0) return end;
  let read = 0;
  let write = 0;
  while (feed >= 0 || back >= 0) {
    const at = feed < 0 ? back : back < 0 ? feed : Math.min(feed, back);
    let stop = at;
    while (stop > read && isBlank(view[stop - 1])) stop--;
    if (write !== read) view.copyWithin(write, read, stop);
    write += stop - read;
    read = at + 1;
    while (isSpace(view[read])) read++;
    if (feed >= 0 && feed < read) feed = view.indexOf(FEED, read);
    if (back >= 0 && back < read) back = view.indexOf(RETURN, read);
  }
  view.copyWithin(write, read);
  return start + write + view.length - read;
}

function isBlank(c: number | undefined): boolean {
  return c === 0x20 || c === 0x09;
}

function isSpace(c: number | undefined): boolean {
  return isBlank(c) || c === FEED || c === RETURN;
}
