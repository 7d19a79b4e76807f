import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import { problemsOf } from '../checkers/check-history.ts';
import { CallRecorder } from '../support/call-recorder.ts';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';

/** Key 7 is held by the nodes 0, 1 and 2 of four. */
const holders = ['replica0', 'replica1', 'replica2'] as const;

function start(mode: RepairMode = 'NONE', seed = 1): Promise<SimulatedCluster> {
  return SimulatedCluster.start({ mode, seed, isDurable: true });
}

async function loseDisk(cluster: SimulatedCluster, node: string): Promise<void> {
  cluster.kill(node);
  cluster.wipe(node);
  await cluster.time.settle(cluster.boot(node));
}

function isRebuilding(cluster: SimulatedCluster, node: string): boolean {
  const { rebuild } = cluster.engine(node);
  return rebuild !== undefined && !rebuild.status().isOver;
}

describe('a node that lost its disk', () => {
  it('takes writes at once, answers no read before 31 s have passed, and then holds everything', async () => {
    const cluster = await start();
    for (const key of [7, 8, 9]) await cluster.put('replica3', key, `old ${key}`);
    await cluster.delete('replica3', 9);
    const bootMs = cluster.time.nowMs;
    await loseDisk(cluster, 'replica0');
    await cluster.time.advance(1_000);
    await cluster.put('replica0', 8, 'new 8');
    await cluster.time.advance(100);
    assert.equal(cluster.held('replica0', 8), 'new 8');
    assert.equal(await cluster.get('replica0', 7), 'old 7');
    await assert.rejects(cluster.get('replica0', 7, 'ALL'), { code: 'NOT_ENOUGH_REPLICAS' });
    await cluster.time.until(() => !isRebuilding(cluster, 'replica0'));
    assert.ok(cluster.time.nowMs >= bootMs + 31_000);
    assert.ok(cluster.time.nowMs <= bootMs + 35_000);
    assert.equal(cluster.held('replica0', 7), 'old 7');
    assert.equal(cluster.held('replica0', 8), 'new 8');
    assert.notEqual(cluster.engine('replica0').storage.versionOf(Uint8Array.of(9)), undefined);
    await cluster.time.advance(1_000);
    const { explanation } = await cluster.read('replica3', 7, 'ALL');
    assert.equal(explanation?.received, 3);
  });

  it('holds what only one of the other replicas has, whichever it is', async () => {
    const cluster = await start();
    for (const [key, node] of [
      [7, 'replica1'],
      [8, 'replica2'],
    ] as const) {
      cluster.network.isolate(node);
      await cluster.time.advance(3_000);
      await cluster.put('replica3', key, `missed by ${node}`);
      cluster.network.heal();
      await cluster.time.advance(3_000);
    }
    await loseDisk(cluster, 'replica0');
    await cluster.time.until(() => !isRebuilding(cluster, 'replica0'));
    assert.equal(cluster.held('replica0', 7), 'missed by replica1');
    assert.equal(cluster.held('replica0', 8), 'missed by replica2');
  });

  it('makes no quorum with one other that is left', async () => {
    const cluster = await start();
    await cluster.put('replica3', 7, 'x');
    await loseDisk(cluster, 'replica0');
    cluster.network.isolate('replica1');
    await cluster.time.advance(60_000);
    for (const node of ['replica0', 'replica2', 'replica3']) {
      await assert.rejects(cluster.get(node, 7), { code: 'NOT_ENOUGH_REPLICAS' });
    }
    assert.equal(isRebuilding(cluster, 'replica0'), true);
    cluster.network.heal();
    await cluster.time.until(() => !isRebuilding(cluster, 'replica0'));
    assert.equal(cluster.held('replica0', 7), 'x');
  });

  it('goes on where it was when its process ends, and is whole then', async () => {
    const cluster = await start();
    const keys = Array.from({ length: 3_000 }, (_, index) => Uint8Array.of(7, index >> 8, index));
    const clock = BigInt(cluster.host('replica1').realtimeMs()) << 16n;
    const record = { version: { clock, node: 'replica3' }, value: textValue('x') };
    const { storage } = cluster.engine('replica1');
    await cluster.time.settle(storage.applyBatch(keys.map((key) => ({ key, record }))));
    await loseDisk(cluster, 'replica0');
    const { rebuild } = cluster.engine('replica0');
    await cluster.time.until(() => (rebuild?.status().keysCopied ?? 0) > 2_000);
    cluster.kill('replica0');
    await cluster.time.settle(cluster.boot('replica0'));
    const again = cluster.engine('replica0').rebuild?.status().keysCopied ?? 0;
    assert.ok(again > 500 && again < 3_000, `goes on after ${again} keys`);
    await cluster.time.until(() => !isRebuilding(cluster, 'replica0'));
    const missing = keys.filter((key) => !cluster.engine('replica0').storage.get(key));
    assert.equal(missing.length, 0);
    cluster.kill('replica0');
    await cluster.time.settle(cluster.boot('replica0'));
    assert.equal(cluster.engine('replica0').rebuild, undefined);
  });

  it('does not copy while requests may live that count what the lost disk had acknowledged', async () => {
    const cluster = await start();
    const { network, time } = cluster;
    await cluster.put('replica3', 7, 'old', 'ALL');
    // The stores of a put reach replica0 soon, replica1 after 4 s and replica2 never.
    network.delayMs = (from) => (from === 'replica3' ? 10 : 1);
    const put = cluster.startWrite('replica3', 7, textValue('new'), 'QUORUM', 30_000);
    await time.advance(5);
    network.cut('replica3', 'replica1');
    network.cut('replica3', 'replica2');
    await time.advance(50);
    assert.equal(cluster.held('replica0', 7), 'new');
    await loseDisk(cluster, 'replica0');
    await time.advance(1_500);
    cluster.kill('replica2');
    await time.settle(cluster.boot('replica2'));
    network.heal();
    assert.notEqual((await time.settle(put)).version, undefined);
    assert.deepEqual(
      holders.map((node) => cluster.held(node, 7)),
      [undefined, 'new', 'old'],
    );
    cluster.kill('replica1');
    await time.advance(5_000);
    const early = await cluster.get('replica3', 7).catch(() => 'no answer');
    assert.equal(early, 'no answer');
    await time.settle(cluster.boot('replica1'));
    await time.until(() => !isRebuilding(cluster, 'replica0'));
    cluster.kill('replica1');
    await time.advance(3_000);
    assert.equal(await cluster.get('replica3', 7), 'new');
  });

  it('marks all that others hold as DIRTY, its hints being lost, and they copy it when it is whole', async () => {
    const cluster = await start('HINTED-HANDOFF');
    await cluster.put('replica0', 7, 'old', 'ALL');
    cluster.network.isolate('replica1');
    await cluster.time.advance(3_000);
    await cluster.put('replica0', 7, 'new');
    await cluster.time.advance(3_000);
    assert.equal(cluster.hints('replica0', 'replica1'), 1);
    await loseDisk(cluster, 'replica0');
    await cluster.time.advance(1_000);
    const dirty = (target: string) => cluster.engine('replica0').dirty.tokensOf(target);
    assert.deepEqual(
      [7, 128, 64].map((token) => dirty('replica1').has(token)),
      [true, false, true],
    );
    cluster.network.heal();
    assert.equal(cluster.held('replica1', 7), 'old');
    await cluster.time.until(() => !isRebuilding(cluster, 'replica0'));
    const targets = ['replica1', 'replica2', 'replica3'];
    await cluster.time.until(() => targets.every((target) => dirty(target).isEmpty));
    assert.equal(cluster.held('replica1', 7), 'new');
  });

  for (const mode of ['NONE', 'BOTH'] as const) {
    it(`is never counted too early (${mode})`, async () => {
      assert.deepEqual(await historyWithLostDisks(mode, 1), []);
    });
  }
});

/**
 * Clients while one replica after the other loses its disk. There are so many keys that most are
 * touched once in a while only: then nothing but the rebuild brings them back.
 *
 * @returns what is wrong with what they saw.
 */
async function historyWithLostDisks(mode: RepairMode, seed: number): Promise<readonly string[]> {
  const cluster = await start(mode, seed);
  const { random, time, network } = cluster;
  network.delayMs = () => random.below(10);
  const recorder = new CallRecorder(cluster);
  const endMs = time.nowMs + 200_000;
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => void time.at(time.nowMs + ms, resolve));
  const client = async (by: string) => {
    while (time.nowMs < endMs) {
      await sleep(random.below(100));
      if (!cluster.isUp(by)) continue;
      const index = random.below(keyCount);
      const key = Uint8Array.of(7, index >> 8, index);
      const kind = random.below(3) === 0 ? 'put' : 'get';
      await recorder.call({ by, key, kind, timeoutMs: random.pick([200, 1_000, 8_000]) });
    }
  };
  const nemesis = async () => {
    while (time.nowMs < endMs) {
      await sleep(random.below(300));
      const victim = random.pick(cluster.names);
      if (random.below(4) === 0) {
        cluster.host(victim).pause();
        await sleep(random.below(1_000));
        cluster.host(victim).resume();
        continue;
      }
      if (random.below(2) === 0) network.isolate(victim);
      else network.cut(random.pick(cluster.names), victim);
      await sleep(random.below(4_000));
      network.heal();
    }
  };
  const reboot = async (victim: string, isWiped: boolean) => {
    cluster.kill(victim);
    if (isWiped) cluster.wipe(victim);
    await sleep(random.below(100));
    await cluster.boot(victim);
  };
  let lostDisks = 0;
  const losses = async () => {
    while (time.nowMs < endMs) {
      // Reads need this time to find what a rebuild has missed.
      await sleep(15_000 + random.below(5_000));
      const victim = random.pick(holders);
      await reboot(victim, true);
      lostDisks++;
      while (isRebuilding(cluster, victim) && time.nowMs < endMs) {
        await sleep(random.below(20_000));
        if (isRebuilding(cluster, victim)) await reboot(random.pick(cluster.names), false);
      }
    }
  };
  const clients = cluster.names.flatMap((node) => [client(node), client(node)]);
  await time.settle(Promise.all([...clients, nemesis(), losses()]), 400_000);
  assert.ok(lostDisks >= 2, `only ${lostDisks} disks were lost`);
  const answered = recorder.calls.filter(({ outcome }) => outcome === 'ok').length;
  assert.ok(answered > 3_000, `only ${answered} calls were answered`);
  return problemsOf(recorder.calls);
}

const keyCount = 5_000;
