import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeClient } from '../../src/client/node-client.ts';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';

describe('a node that was killed and started again', () => {
  it('holds within 5 s and without traffic what it missed, in HINTED-HANDOFF', async (t) => {
    const cluster = await startCluster({ mode: 'HINTED-HANDOFF' });
    try {
      await missOnePut(cluster);
      const startMs = performance.now();
      await cluster.restart('replica1');
      const client = cluster.client('replica1');
      await until('the value is there', async () => (await held(client)) === 'hello', 5_000);
      t.diagnostic(`healed ${Math.round(performance.now() - startMs)} ms after its start`);
    } finally {
      await cluster.stop();
    }
  });

  it('is healed by one read and not before, in READ-REPAIR', async () => {
    const cluster = await startCluster({ mode: 'READ-REPAIR' });
    try {
      await missOnePut(cluster);
      await cluster.restart('replica1');
      const client = cluster.client('replica1');
      await sleep(3_000);
      assert.equal(await held(client), undefined);
      await cluster.untilSeen('replica3', 'replica1', 'up');
      const { value } = await cluster.client('replica3').get(7);
      assert.deepEqual(value, { kind: 'text', text: 'hello' });
      await until('the value is there', async () => (await held(client)) === 'hello', 1_000);
    } finally {
      await cluster.stop();
    }
  });
});

async function missOnePut(cluster: ProcessCluster): Promise<void> {
  await cluster.kill('replica1');
  await cluster.untilSeen('replica0', 'replica1', 'down');
  await cluster.client('replica0').put(7, { kind: 'text', text: 'hello' });
}

/** What the node itself holds. */
async function held(client: NodeClient): Promise<string | undefined> {
  for await (const { key, value } of client.listEntries()) {
    if (key === 7 && value?.kind === 'text') return value.text;
  }
  return undefined;
}
