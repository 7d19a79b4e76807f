/** The module of the threads that make the load of a comparison. */
import { parentPort } from 'node:worker_threads';
import { openBenchClient } from '../src/cli/bench/load/cluster-load.ts';
import { serveLoads } from '../src/cli/bench/load/load-thread.ts';
import { SystemClock } from '../src/runtime/system-clock.ts';
import { SystemRandom } from '../src/runtime/system-random.ts';
import type { CompareSubject } from './compare-subjects.ts';
import { openEtcd } from './etcd-kv.ts';

const [clock, random] = [new SystemClock(), new SystemRandom()];
if (parentPort !== null) {
  serveLoads<CompareSubject>(parentPort, async (subject) => {
    if (subject.kind !== 'etcd') return openBenchClient(random, subject);
    return openEtcd(clock, subject.address, subject.action, subject.valueBytes);
  });
}
