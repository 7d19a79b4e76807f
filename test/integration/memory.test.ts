import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { NodeClient } from '../../src/client/node-client.ts';
import { type ProcessCluster, startCluster } from '../support/processes.ts';

const puts = process.env['QUORATE_TEST_LONG'] ? 200_000 : 10_000;
const growthMax = 1.1;

describe('the memory of a node', () => {
  it(`is bounded over rounds of ${puts} puts while a node is down and hints overflow`, async (t) => {
    const args = ['--hint-limit', '1000'];
    const cluster = await startCluster({ mode: 'HINTED-HANDOFF', args });
    try {
      await cluster.kill('replica1');
      await cluster.untilSeen('replica0', 'replica1', 'down');
      const client = cluster.client('replica0', { timeoutMs: 10_000 });
      // The first round fills heaps and caches to the size that the load needs.
      const residentMb: number[] = [];
      for (let round = 0; round < 3; round++) {
        await putRound(client, round);
        residentMb.push(residentMbOf(cluster, 'replica0'));
      }
      t.diagnostic(
        `resident after each round: ${residentMb.map((mb) => mb.toFixed(0)).join(', ')} MB`,
      );
      const [, first = 0, second = 0] = residentMb;
      assert.ok(second <= first * growthMax, `${second} MB after ${first} MB`);
      const [target] = (await client.listHints()).filter(({ node }) => node === 'replica1');
      assert.equal(target?.count, 1_000);
      assert.ok((target?.dropped ?? 0) >= 4_000 * 3, `${target?.dropped} dropped`);
      assert.ok((target?.dirtyTokens.length ?? 0) > 0);
    } finally {
      await cluster.stop();
    }
  });
});

/** 1,000 keys again and again, then 5,000 more once: all of them miss replica1. */
async function putRound(client: NodeClient, round: number): Promise<void> {
  let next = 0;
  const total = puts + 5_000;
  const worker = async () => {
    while (next < total) {
      const index = next++;
      const key = index < puts ? `\u0001key ${index % 1_000}` : `\u0001missed ${index - puts}`;
      await client.put(key, { kind: 'text', text: `value ${round} ${index}` });
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

function residentMbOf(cluster: ProcessCluster, name: string): number {
  const status = readFileSync(`/proc/${cluster.node(name).pid}/status`, 'utf8');
  const kilobytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
  assert.ok(kilobytes > 0);
  return kilobytes / 1_024;
}
