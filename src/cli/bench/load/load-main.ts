/** The module of the threads that make the load of `quorate bench`. */
import { parentPort } from 'node:worker_threads';
import { SystemRandom } from '../../../runtime/system-random.ts';
import { type BenchSubject, openBenchClient } from './cluster-load.ts';
import { serveLoads } from './load-thread.ts';

const random = new SystemRandom();
if (parentPort !== null) {
  serveLoads<BenchSubject>(parentPort, (subject) => openBenchClient(random, subject));
}
