import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RepairMode, repairModes } from '../../src/consistency/repair-mode.ts';
import { problemsOf } from '../checkers/check-history.ts';
import { CallRecorder } from '../support/call-recorder.ts';
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
      for (const seed of [1, 2, 3]) assert.deepEqual(await historyUnderFaults(mode, seed), []);
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

/** Clients on one key while nodes are paused and cut off. Returns what is wrong with what they saw. */
async function historyUnderFaults(mode: RepairMode, seed: number): Promise<string[]> {
  const cluster = await SimulatedCluster.start({ mode, seed });
  const { random, time, network } = cluster;
  network.delayMs = () => random.below(10);
  const recorder = new CallRecorder(cluster);
  const endMs = time.nowMs + 20_000;
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => void time.at(time.nowMs + ms, resolve));
  const client = async (by: string) => {
    while (time.nowMs < endMs) {
      await sleep(random.below(20));
      const kind = random.below(3) === 0 ? 'put' : 'get';
      await recorder.call({ by, key: Uint8Array.of(7), kind, timeoutMs: 200 });
    }
  };
  const nemesis = async () => {
    while (time.nowMs < endMs) {
      await sleep(random.below(150));
      const victim = random.pick(cluster.names);
      const isPause = random.below(3) === 0;
      if (isPause) cluster.host(victim).pause();
      else network.cut(random.pick(cluster.names), victim);
      await sleep(random.below(250));
      if (isPause) cluster.host(victim).resume();
      else network.heal();
    }
    network.heal();
  };
  const clients = cluster.names.flatMap((node) => [client(node), client(node)]);
  await time.settle(Promise.all([...clients, nemesis()]));
  const answered = recorder.calls.filter(({ outcome }) => outcome === 'ok').length;
  assert.ok(answered > 500, `only ${answered} calls were answered`);
  return problemsOf(recorder.calls);
}
