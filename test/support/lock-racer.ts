/**
 * A process that takes the lock of a directory, for test/integration/data-directory.test.ts.
 *
 *     node lock-racer.js hold <directory>             takes it, says so, and keeps it
 *     node lock-racer.js race <directory> <rounds>    takes it that often, leaving it as if it had
 *                                                     been killed; prints how often it was not alone
 */
import { closeSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryLock } from '../../src/data-directory/directory-lock.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { SystemRandom } from '../../src/runtime/system-random.ts';

const [mode, directory = '', rounds = '0'] = process.argv.slice(2);
const system = new SystemClock();
// Waits for a turn of the event loop only, so that starters meet as often as they can.
const clock = {
  monotonicMs: () => system.monotonicMs(),
  realtimeMs: () => system.realtimeMs(),
  schedule: (_delayMs: number, callback: () => void) => system.schedule(0, callback),
};
const components = { clock, random: new SystemRandom() };

if (mode === 'hold') {
  const lock = await DirectoryLock.take(directory, components);
  process.send?.(lock instanceof DirectoryLock ? 'held' : 'refused');
  system.schedule(600_000, () => undefined);
} else {
  let collisions = 0;
  for (let left = Number(rounds); left > 0; ) {
    const lock = await DirectoryLock.take(directory, components);
    if (!(lock instanceof DirectoryLock)) continue;
    left--;
    if (!isAlone()) collisions++;
    leaveAsIfKilled();
  }
  process.stdout.write(`${collisions}\n`);
}

/** Whether nobody else is inside, as a file that only one can make tells. */
function isAlone(): boolean {
  const path = join(directory, 'inside');
  try {
    closeSync(openSync(path, 'wx'));
  } catch {
    return false;
  }
  // Long enough for others to run, short enough for many rounds.
  for (let spins = 0; spins < 20; spins++) readdirSync(directory);
  rmSync(path);
  return true;
}

function leaveAsIfKilled(): void {
  const folder = join(directory, 'lock');
  const numbers = readdirSync(folder).map(Number).filter(Number.isInteger);
  writeFileSync(join(folder, String(Math.max(...numbers))), '{"pid":99999999,"start":""}');
}
