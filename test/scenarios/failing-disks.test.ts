import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { Call } from '../checkers/history.ts';
import { CallRecorder } from '../support/call-recorder.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';

const victim = 'replica0';
const operations = 100;
const keys = [1, 2, 3, 70, 130, 131, 200, 201, 202];
/** No key of the script, held by the victim too. */
const otherKey = 4;

/** Puts and deletes, one after the other, through all nodes that run. */
class Script {
  readonly cluster: SimulatedCluster;
  readonly #recorder: CallRecorder;

  constructor(cluster: SimulatedCluster) {
    this.cluster = cluster;
    this.#recorder = new CallRecorder(cluster);
  }

  static async begin(): Promise<Script> {
    return new Script(await SimulatedCluster.start({ mode: 'HINTED-HANDOFF', isDurable: true }));
  }

  get acknowledged(): number {
    return this.#recorder.calls.filter(({ kind, outcome }) => kind !== 'get' && outcome === 'ok')
      .length;
  }

  /** @param onStep called after each operation. */
  async run(onStep: () => void = () => undefined): Promise<void> {
    for (let index = 0; index < operations; index++) {
      const node = this.cluster.names[index % 4] ?? '';
      const key = keys[index % keys.length] ?? 0;
      const kind = index % 5 === 4 ? 'delete' : 'put';
      if (this.cluster.isUp(node)) await this.#call(node, key, kind);
      onStep();
    }
  }

  /** Waits until nobody owes anything, and compares all that is held with what was acknowledged. */
  async check(): Promise<void> {
    await this.cluster.time.until(() => this.cluster.owesNothing(), 60_000);
    for (const key of keys) {
      const { outcome } = await this.#call('replica3', key, 'get');
      assert.equal(outcome, 'ok', `key ${key} cannot be read`);
    }
    assert.deepEqual(this.#recorder.problems(), []);
  }

  #call(by: string, key: number, kind: Call['kind']): Promise<Call> {
    const wanted = { by, key: Uint8Array.of(key), kind, timeoutMs: 1_000 };
    return this.cluster.time.settle(this.#recorder.call(wanted));
  }
}

const files = {
  tables: {
    flushes: (disk: SimulatedDisk) => disk.tables.flushes,
    fail: (disk: SimulatedDisk, nth: number) => disk.tables.failFlush(nth),
  },
  state: {
    flushes: (disk: SimulatedDisk) => disk.stateFile.writes,
    fail: (disk: SimulatedDisk, nth: number) => disk.stateFile.failWrite(nth),
  },
} as const;

/** How many flushes of the victim the script takes while nothing fails. */
async function flushesOf(file: keyof typeof files): Promise<number> {
  const script = await Script.begin();
  const disk = script.cluster.disk(victim);
  const before = files[file].flushes(disk);
  await script.run();
  assert.equal(script.acknowledged, operations);
  return files[file].flushes(disk) - before;
}

describe('a disk that fails', () => {
  for (const file of ['tables', 'state'] as const) {
    it(`at any flush of its ${file} ends its node, and costs no acknowledgement`, async (t) => {
      const flushes = await flushesOf(file);
      assert.ok(flushes > (file === 'tables' ? 50 : 3), `only ${flushes} flushes`);
      for (let nth = 1; nth <= flushes; nth++) {
        const script = await Script.begin();
        const { cluster } = script;
        files[file].fail(cluster.disk(victim), nth);
        let stepsDown = 0;
        await script.run(() => {
          if (cluster.isUp(victim)) return;
          stepsDown++;
          if (stepsDown === 20) void cluster.boot(victim);
        });
        assert.ok(stepsDown > 0, `flush ${nth} did not fail`);
        if (stepsDown < 20) void cluster.boot(victim);
        await script.check();
      }
      t.diagnostic(`${flushes} flushes of ${file}, each failed once`);
    });
  }
});

describe('a disk that is full for a while', () => {
  it('from any flush on costs no acknowledgement; its node reads, and takes what it missed', async (t) => {
    const flushes = await flushesOf('tables');
    for (let nth = 1; nth <= flushes; nth++) {
      const script = await Script.begin();
      const { cluster } = script;
      const disk = cluster.disk(victim);
      disk.tables.fillAt(nth);
      await script.run();
      assert.equal(script.acknowledged, operations, `full from flush ${nth} on`);
      assert.ok(disk.tables.isFull);
      await cluster.time.advance(1_500);
      for (const key of keys) await cluster.read(victim, key);
      assert.equal(await takesWrites(cluster), false);
      disk.tables.isFull = false;
      await script.check();
      assert.equal(await takesWrites(cluster), true);
    }
    t.diagnostic(`full from each of ${flushes} flushes on`);
  });

  it('is named where too few others have room, with nothing written and reads as before', async () => {
    const { cluster } = await Script.begin();
    await cluster.put('replica3', 1, 'before');
    for (const node of ['replica0', 'replica1']) cluster.disk(node).tables.isFull = true;
    const first = await cluster.put('replica3', 1, 'refused').catch(QuorateError.from);
    assert.ok(first instanceof QuorateError && first.mayHaveApplied);
    await cluster.time.advance(1_000);
    for (const node of cluster.names) {
      const second = await cluster.put(node, 1, 'refused').catch(QuorateError.from);
      assert.ok(second instanceof QuorateError);
      assert.deepEqual([second.code, second.mayHaveApplied], ['DISK_FULL', false], node);
      const read = await cluster.get(node, 2);
      assert.equal(read, undefined);
    }
    for (const node of ['replica0', 'replica1']) cluster.disk(node).tables.isFull = false;
    await cluster.time.advance(2_000);
    await cluster.put('replica3', 1, 'after');
    for (const node of cluster.names) assert.equal(await cluster.get(node, 1), 'after');
  });
});

/** Whether the victim, as another node hears, takes writes. */
async function takesWrites(cluster: SimulatedCluster): Promise<boolean> {
  const { explanation } = await cluster.put('replica3', otherKey, 'x');
  return explanation?.replicas.find(({ node }) => node === victim)?.state !== 'down';
}

describe('a coordinator whose own disk is full', () => {
  it('gets what that did not take once there is room, with no client traffic', async () => {
    const { cluster } = await Script.begin();
    const { tables } = cluster.disk(victim);
    const { time, network } = cluster;
    await cluster.put('replica1', 1, 'before', 'ALL');
    // The write ends at its deadline, when there is room again: then a hint can be kept.
    network.isolate('replica2');
    tables.isFull = true;
    await cluster.put(victim, 1, 'while it was full', 'ONE');
    await time.advance(500);
    tables.isFull = false;
    await time.advance(2_000);
    assert.equal(cluster.held(victim, 1), 'before');
    assert.equal(cluster.hints(victim, victim), 1);
    network.heal();
    await time.until(() => cluster.held(victim, 1) === 'while it was full', 15_000);
    await time.until(() => cluster.owesNothing());
  });
});
