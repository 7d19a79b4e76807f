import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KillLoad } from '../support/kill-load.ts';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';
import { SeededRandom } from '../support/simulated-time.ts';

const isLong = process.env['QUORATE_TEST_LONG'] !== undefined;
const cycles = Number(process.env['QUORATE_TEST_CYCLES'] ?? (isLong ? 300 : 20));
/** The load and the kills follow from it, as far as processes let them. */
const seed = Number(process.env['QUORATE_TEST_SEED'] ?? process.pid);

describe('a cluster with its data on disk', () => {
  let cluster: ProcessCluster;

  before(async () => {
    // Without read repair nothing but hints and copies of DIRTY tokens makes the replicas equal.
    cluster = await startCluster({ mode: 'HINTED-HANDOFF', isDurable: true });
  });
  after(() => cluster.stop());

  it(`has all that it acknowledged after each of ${cycles} kills of one node or all`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const random = new SeededRandom(seed);
    const load = new KillLoad(cluster, random, {
      writers: 16,
      keysPerWriter: 16,
      timeoutMs: 2_000,
    });
    load.start();
    const killed = { one: 0, all: 0 };
    for (let cycle = 0; cycle < cycles; cycle++) {
      const isAll = random.below(4) === 0;
      killed[isAll ? 'all' : 'one'] += 1;
      load.resume();
      await sleep(random.below(500));
      const victims = isAll ? cluster.names : [random.pick(cluster.names)];
      await load.killAndRestart(victims, random.below(200));
      await load.rest();
      await load.check();
      assert.deepEqual(load.problems(), [], `lost in cycle ${cycle} of seed ${seed}`);
    }
    await load.stop();
    const writes = load.calls.filter(({ kind }) => kind !== 'get');
    const count = (wanted: string) => writes.filter(({ outcome }) => outcome === wanted).length;
    const acknowledged = count('ok');
    t.diagnostic(
      `${cycles} cycles (${killed.one} of one node, ${killed.all} of all): ${acknowledged} acknowledged, ${count('uncertain')} uncertain, ${count('failed')} refused, lost = 0`,
    );
    assert.ok(acknowledged > cycles * 100, `only ${acknowledged} were acknowledged`);
    await until('all replicas hold the same', () => areEqual(cluster), 30_000);
  });
});

/** Whether nobody owes anything to anybody, and each key has one version on all its replicas. */
async function areEqual(cluster: ProcessCluster): Promise<boolean> {
  const versions = new Map<string, string[]>();
  for (const name of cluster.names) {
    const client = cluster.client(name);
    const targets = await client.listHints();
    if (targets.some(({ count, dirtyTokens }) => count + dirtyTokens.length > 0)) return false;
    for await (const { key, version } of client.listEntries()) {
      const name = String(key);
      versions.set(name, [...(versions.get(name) ?? []), version]);
    }
    client.close();
  }
  return [...versions.values()].every((held) => held.length === 3 && new Set(held).size === 1);
}
