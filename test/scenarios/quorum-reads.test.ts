import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { repairModes } from '../../src/consistency/repair-mode.ts';
import { compareVersions, newerVersion, type Version } from '../../src/record/version.ts';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

/** A version that one replica alone holds, as a write that died half-way leaves it. */
async function plant(cluster: SimulatedCluster, node: string, key: number, text: string) {
  const clock = (BigInt(Math.floor(cluster.host(node).realtimeMs())) << 16n) + 9n;
  const record = { version: { clock, node: 'replica9' }, value: textValue(text) };
  await cluster.engine(node).storage.applyBatch([{ key: Uint8Array.of(key), record }]);
}

describe('a get at QUORUM', () => {
  for (const mode of repairModes) {
    it(`spreads a half-written value before it answers (${mode})`, async () => {
      const cluster = await SimulatedCluster.start({ mode });
      await cluster.put('replica0', 7, 'old', 'ALL');
      await plant(cluster, 'replica0', 7, 'half');
      const { explanation } = await cluster.read('replica0', 7);
      assert.ok((explanation?.writeBacks ?? 0) >= 1);
      const holders = ['replica0', 'replica1', 'replica2'].filter(
        (node) => cluster.held(node, 7) === 'half',
      );
      assert.ok(holders.length >= 2, `${holders.length} hold it`);
      assert.equal(await cluster.get('replica3', 7), 'half');
    });

    it(`never goes back in time while nodes are paused and cut off (${mode})`, async () => {
      const violations = await readsAgainstFaults(mode, 300);
      assert.deepEqual(violations, []);
    });
  }

  it('answers with a value that its nearest replica does not hold', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'NONE' });
    await cluster.put('replica0', 7, 'old', 'ALL');
    await plant(cluster, 'replica1', 7, 'newer');
    assert.equal(await cluster.get('replica0', 7), 'newer');
  });

  it('asks one replica more when an answer is slow', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'HINTED-HANDOFF' });
    await cluster.put('replica0', 7, 'hello');
    cluster.host('replica1').pause();
    const startMs = cluster.time.nowMs;
    assert.equal(await cluster.get('replica0', 7), 'hello');
    assert.ok(cluster.time.nowMs - startMs < 100, `took ${cluster.time.nowMs - startMs} ms`);
  });
});

/** A writer and readers at QUORUM while faults come and go. Returns what went back in time. */
async function readsAgainstFaults(
  mode: (typeof repairModes)[number],
  rounds: number,
): Promise<string[]> {
  const cluster = await SimulatedCluster.start({ mode, seed: 11 });
  const violations: string[] = [];
  let newest: Version | undefined;
  let answered = 0;
  for (let round = 0; round < rounds; round++) {
    const victim = cluster.random.pick(cluster.names);
    const fault = cluster.random.below(4);
    if (fault === 0) cluster.host(victim).pause();
    if (fault === 1) cluster.network.isolate(victim);
    const value = textValue(`v${round}`);
    // A paused coordinator answers nobody.
    const coordinators = cluster.names.filter((node) => fault !== 0 || node !== victim);
    const writer = cluster.random.pick(coordinators);
    const write = Promise.allSettled([cluster.startWrite(writer, 7, value, 'QUORUM', 300)]);
    const reads = coordinators.map((node) => cluster.startRead(node, 7, 'QUORUM', 300));
    const versions = (await cluster.time.settle(Promise.allSettled(reads))).flatMap((read) =>
      read.status === 'fulfilled' ? [read.value.record?.version] : [],
    );
    answered += versions.length;
    // The reads of one round overlap, so only what earlier rounds returned binds them.
    if (versions.some((version) => compareVersions(version, newest) < 0)) {
      violations.push(`round ${round}, fault ${fault} on ${victim}`);
    }
    for (const version of versions) newest = newerVersion(newest, version);
    cluster.host(victim).resume();
    cluster.network.heal();
    await cluster.time.settle(write);
    await cluster.time.advance(cluster.random.below(600));
  }
  assert.ok(answered > rounds, `only ${answered} reads were answered`);
  return violations;
}
