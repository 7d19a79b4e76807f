import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { repairModes } from '../../src/consistency/repair-mode.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';

const weakLevels = ['ONE', 'TWO', 'THREE'] as const;

describe('levels that only overlap', () => {
  for (const mode of repairModes) {
    it(`show a completed put at ALL to every get at a weak level (${mode})`, async () => {
      const cluster = await SimulatedCluster.start({ mode });
      for (let round = 0; round < 20; round++) {
        const writer = cluster.random.pick(cluster.names);
        await cluster.put(writer, 7, `value ${round}`, 'ALL');
        for (const node of cluster.names) {
          const level = cluster.random.pick(weakLevels);
          assert.equal(await cluster.get(node, 7, level), `value ${round}`);
        }
      }
    });

    it(`show a completed put at a weak level to every get at ALL (${mode})`, async () => {
      const cluster = await SimulatedCluster.start({ mode });
      for (let round = 0; round < 20; round++) {
        const writer = cluster.random.pick(cluster.names);
        await cluster.put(writer, 7, `value ${round}`, cluster.random.pick(weakLevels));
        // Of two weak puts the clocks decide, so the next one is made in a later millisecond.
        await cluster.time.advance(2);
        for (const node of cluster.names) {
          assert.equal(await cluster.get(node, 7, 'ALL'), `value ${round}`);
        }
      }
    });
  }
});

describe('a get at ONE', () => {
  it('answers absent from a replica that missed the put, and says that only it was needed', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'NONE' });
    cluster.network.isolate('replica2');
    await cluster.put('replica0', 7, 'hello');
    cluster.network.heal();
    const { record, explanation } = await cluster.read('replica2', 7, 'ONE');
    assert.equal(record, undefined);
    assert.deepEqual(
      explanation?.replicas.map(({ node, state }) => `${node} ${state}`),
      ['replica0 not-asked', 'replica1 not-asked', 'replica2 answered'],
    );
  });

  it('is spread to the other replicas by read repair', async () => {
    const cluster = await SimulatedCluster.start({ mode: 'READ-REPAIR' });
    cluster.host('replica1').pause();
    await cluster.put('replica0', 7, 'hello', 'ONE');
    await cluster.time.advance(2_500);
    cluster.host('replica1').resume();
    await cluster.time.advance(1_000);
    await cluster.get('replica3', 7, 'ONE');
    await cluster.time.advance(100);
    for (const node of ['replica0', 'replica1', 'replica2']) {
      assert.equal(cluster.held(node, 7), 'hello', node);
    }
  });
});
