import { setFlagsFromString } from 'node:v8';

// The engine's own measure: how much of what it lets old garbage grow by, in percent, before it begins to look for it. Of
// 64 MB of buffers that is, in each thread. Measured on a gigabyte: 280 MB without it, 235 MB and a tenth more work with it.
const percent = 30;
let uses = 0;

/**
 * Has buffers that nobody uses any more given back sooner, from now on until the function that comes back is called. For work
 * that goes through a gigabyte of buffers and needs few megabytes of them at a time.
 *
 * It concerns the whole process. An engine that does not know the measure goes on as before.
 */
export function collectSooner(): () => void {
  uses += 1;
  if (uses === 1) setFlagsFromString(`--incremental-marking-soft-trigger=${percent}`);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    uses -= 1;
    if (uses === 0) setFlagsFromString('--incremental-marking-soft-trigger=0');
  };
}
