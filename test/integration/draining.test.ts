import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import { startCluster } from '../support/processes.ts';

describe('SIGTERM to one node under load', () => {
  it('drains it: exit 0, and no call fails that is tried once more elsewhere', async (t) => {
    const cluster = await startCluster();
    try {
      const leaving = cluster.client('replica0');
      const staying = cluster.client('replica2');
      const failures: string[] = [];
      let calls = 0;
      let retries = 0;
      let isOver = false;
      const worker = async (index: number) => {
        for (let round = index; !isOver; round += 16) {
          calls++;
          try {
            await call(leaving, round);
          } catch {
            retries++;
            await call(staying, round).catch((error: unknown) => {
              failures.push(String(QuorateError.from(error).message));
            });
          }
        }
      };
      const load = Array.from({ length: 16 }, (_, index) => worker(index));
      await sleep(1_000);
      const startMs = performance.now();
      const exit = await cluster.stopNode('replica0');
      const tookMs = performance.now() - startMs;
      await sleep(500);
      isOver = true;
      await Promise.all(load);
      t.diagnostic(`${calls} calls, ${retries} retried, stopped in ${Math.round(tookMs)} ms`);
      assert.deepEqual(exit, { code: 0, signal: null });
      assert.ok(tookMs < 10_000);
      assert.deepEqual(failures, []);
      assert.ok(retries > 0, 'the node left while calls were on their way');
    } finally {
      await cluster.stop();
    }
  });
});

async function call(client: NodeClient, round: number): Promise<void> {
  const key = round % 256;
  if (round % 2 === 0) await client.put(key, { kind: 'text', text: `${round}` });
  else await client.get(key);
}
