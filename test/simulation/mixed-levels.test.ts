import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consistencyLevels } from '../../src/consistency/consistency-level.ts';
import { callsByKey } from '../checkers/check-history.ts';
import { type Anomaly, anomaliesIn, isAdmitted } from '../checkers/weak-levels.ts';
import type { Profile } from './profile.ts';
import { runSeed } from './run-seed.ts';

/** Clients of all levels on one key, with nodes that are cut off and clocks that differ. */
const profile: Partial<Profile> = {
  nodes: 4,
  replicationFactor: 3,
  keys: [7],
  isMixed: true,
  clients: 12,
  durationMs: 3_000,
  restMsMax: 30,
  expiring: 0,
  clockSkewMsMax: 200,
  faults: 5,
  faultKinds: ['isolate', 'cut', 'pause', 'kill'],
};
const seeds = 25;

describe('a workload of all levels', () => {
  it('shows each anomaly that docs/consistency.md admits, and no other', async (context) => {
    const counts = new Map<Anomaly['name'], number>();
    const pairs = new Set<string>();
    for (let seed = 0; seed < seeds; seed++) {
      const { calls, problems } = await runSeed({ seed, profile });
      assert.deepEqual(problems, [], `seed ${seed}`);
      for (const ofKey of callsByKey(calls).values()) {
        for (const anomaly of anomaliesIn(ofKey)) {
          const { name, earlier, later } = anomaly;
          assert.ok(isAdmitted(anomaly), `${name}, ${later.level} after ${earlier.level}`);
          counts.set(name, (counts.get(name) ?? 0) + 1);
          pairs.add(`${earlier.level} then ${later.level}`);
        }
      }
    }
    for (const name of ['staleRead', 'wentBack', 'flicker', 'lostUpdate'] as const) {
      assert.ok((counts.get(name) ?? 0) > 0, `${name} was never seen`);
      context.diagnostic(`${name}: ${counts.get(name)}`);
    }
    assert.ok(pairs.size < consistencyLevels.length ** 2, 'no pair of levels promises anything');
    context.diagnostic(`between ${pairs.size} of ${consistencyLevels.length ** 2} pairs of levels`);
  });
});
