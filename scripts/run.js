/**
 * `npm start`, `npm run console` and `npm run bench`: prepares the checkout, then becomes the
 * command line with the arguments given. The same process goes on, so that signals and the exit
 * code are the command's own.
 *
 *   node scripts/run.js cluster --mode READ-REPAIR
 */
import { join } from 'node:path';
import { prepare } from './prepare.js';
import { fail, root } from './process.js';

const sameSignalMs = 300;

/**
 * A terminal sends Ctrl-C to npm and to us, and npm passes it on: the pair is one request to stop,
 * and a command that gives up on a second one must not see two.
 */
function dropRepeatedSignals() {
  const emit = process.emit;
  const lastMs = new Map();
  process.emit = (event, ...rest) => {
    if (event === 'SIGINT' || event === 'SIGTERM') {
      const nowMs = performance.now();
      const isRepeated = nowMs - (lastMs.get(event) ?? Number.NEGATIVE_INFINITY) < sameSignalMs;
      if (isRepeated) return true;
      lastMs.set(event, nowMs);
    }
    return emit.call(process, event, ...rest);
  };
}

if (!(await prepare())) fail('not started: the sources do not compile, see above.');
dropRepeatedSignals();
const command = join(root, 'bin', 'quorate.js');
process.argv = [process.execPath, command, ...process.argv.slice(2)];
await import('../bin/quorate.js');
