import { readFileSync } from 'node:fs';
import { SystemClock } from '../runtime/system-clock.ts';

/**
 * For tests only: a node whose clock is wrong, while it runs. If the environment names a file in
 * `QUORATE_TEST_CLOCK_OFFSET_FILE`, the milliseconds in it are added to the node's time of day.
 * The file is read again at most every 20 ms; while it is missing or not a number, the last
 * offset stays. It is no flag and in no help text, because no real node wants it.
 */
const rereadMs = 20;

/** The clock of this process, with an offset if a test asks for one. */
export function nodeClock(): SystemClock {
  const path = process.env['QUORATE_TEST_CLOCK_OFFSET_FILE'];
  if (path === undefined || path === '') return new SystemClock();
  const stopwatch = new SystemClock();
  let offsetMs = 0;
  let readAtMs = Number.NEGATIVE_INFINITY;
  return new SystemClock(() => {
    const nowMs = stopwatch.monotonicMs();
    if (nowMs - readAtMs >= rereadMs) {
      readAtMs = nowMs;
      offsetMs = readOffset(path) ?? offsetMs;
    }
    return offsetMs;
  });
}

function readOffset(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^[-+]?\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
