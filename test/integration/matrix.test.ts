import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { WriteAnswer } from '../../src/client/answers.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import { keepsHints, type RepairMode, repairModes } from '../../src/consistency/repair-mode.ts';
import { type ProcessCluster, startCluster } from '../support/processes.ts';

/**
 * What every operation answers at every level with so many of the key's replicas down, whatever
 * the mode and whether or not the coordinator holds a copy: OK, or NOT_ENOUGH_REPLICAS.
 */
const table = `
  down  operation  ONE  TWO  THREE  QUORUM  ALL
  0     get        OK   OK   OK     OK      OK
  0     put        OK   OK   OK     OK      OK
  0     delete     OK   OK   OK     OK      OK
  1     get        OK   OK   no     OK      no
  1     put        OK   OK   no     OK      no
  1     delete     OK   OK   no     OK      no
  2     get        OK   no   no     no      no
  2     put        OK   no   no     no      no
  2     delete     OK   no   no     no      no
  3     get        no   no   no     no      no
  3     put        no   no   no     no      no
  3     delete     no   no   no     no      no
`;

/** replica3 survives to the end. Of these keys it holds no copy, and one. */
const foreignKey = 7;
const ownKey = 200;
const coordinator = 'replica3';
const killed = ['replica0', 'replica1', 'replica2'];

describe('levels × operations × replicas down × coordinator × mode', () => {
  for (const mode of repairModes) {
    it(`equals the table (${mode})`, async () => {
      const cluster = await startCluster({ mode });
      try {
        const cells = await observe(cluster, mode);
        assert.equal(cells, 15 * (4 + 3), 'every cell was looked at');
      } finally {
        await cluster.stop();
      }
    });
  }
});

async function observe(cluster: ProcessCluster, mode: RepairMode): Promise<number> {
  const client = cluster.client(coordinator);
  let cells = 0;
  for (let down = 0; down <= killed.length; down++) {
    const victim = killed[down - 1];
    if (victim !== undefined) {
      await cluster.kill(victim);
      await cluster.untilSeen(coordinator, victim, 'down');
    }
    // replica2 holds no copy of the own key: its death takes no further replica away.
    const keys = down === 3 ? [foreignKey] : [foreignKey, ownKey];
    for (const key of keys) cells += await observeRows(client, key, down, mode);
  }
  return cells;
}

async function observeRows(
  client: NodeClient,
  key: number,
  down: number,
  mode: RepairMode,
): Promise<number> {
  const [header, ...rows] = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const levels = (header ?? []).slice(2) as ConsistencyLevel[];
  let cells = 0;
  for (const [, operation, ...expected] of rows.filter(([first]) => first === String(down))) {
    for (const [index, level] of levels.entries()) {
      const what = `${operation} of ${key} at ${level} with ${down} down in ${mode}`;
      const outcome = expected[index] === 'OK' ? 'OK' : 'NOT_ENOUGH_REPLICAS';
      const { code, answer } = await run(client, operation ?? '', key, level);
      assert.equal(code, outcome, what);
      if (answer !== undefined && operation !== 'get') {
        const hints = keepsHints(mode) ? down : 0;
        assert.equal(answer.explanation?.hintsStarted, hints, `hints of ${what}`);
      }
      cells++;
    }
  }
  return cells;
}

async function run(
  client: NodeClient,
  operation: string,
  key: number,
  consistency: ConsistencyLevel,
): Promise<{ readonly code: string; readonly answer?: WriteAnswer }> {
  const options = { consistency, explain: true };
  try {
    if (operation === 'get') return { code: 'OK', answer: await client.get(key, options) };
    if (operation === 'delete') return { code: 'OK', answer: await client.delete(key, options) };
    return { code: 'OK', answer: await client.put(key, { kind: 'text', text: 'x' }, options) };
  } catch (error: unknown) {
    const { code, mayHaveApplied } = QuorateError.from(error);
    assert.equal(mayHaveApplied, false);
    return { code };
  }
}
