import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QuorateError } from '../../src/base/quorate-error.ts';
import { consistencyLevels } from '../../src/consistency/consistency-level.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';

const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'OK',
    (error: QuorateError) => error.code,
  );

/** Levels that can never be met, by the number of replicas that keys have. */
const unreachable: Readonly<Record<number, readonly string[]>> = {
  1: ['TWO', 'THREE'],
  2: ['THREE'],
  3: [],
};

describe('every level', () => {
  for (const nodes of [1, 2, 3, 5, 8]) {
    for (const replicationFactor of [1, 2, 3, 5, 8]) {
      it(`is met or refused on ${nodes} nodes with ${replicationFactor} replicas`, async () => {
        const cluster = await SimulatedCluster.start({ nodes, replicationFactor });
        const replicas = Math.min(nodes, replicationFactor);
        const refused = unreachable[replicas] ?? [];
        for (const level of consistencyLevels) {
          const expected = refused.includes(level) ? 'LEVEL_UNREACHABLE' : 'OK';
          const coordinator = cluster.random.pick(cluster.names);
          assert.equal(
            await outcomeOf(cluster.put(coordinator, 200, level, level)),
            expected,
            level,
          );
          assert.equal(await outcomeOf(cluster.read(coordinator, 200, level)), expected, level);
          assert.equal(await outcomeOf(cluster.delete(coordinator, 9, level)), expected, level);
        }
        assert.notEqual(await cluster.get('replica0', 200), undefined);
        const holders = cluster.names.filter((node) => cluster.held(node, 200) !== undefined);
        assert.equal(holders.length, replicas);
      });
    }
  }
});
