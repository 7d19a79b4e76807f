import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { EntryAnswer } from '../../src/client/answers.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';

const clientsPerNode = 50;
const keys = 20;
const timeoutMs = 1_000;
const lateMsMax = 200;

interface Tally {
  readonly outcomes: Map<string, number>;
  latestMs: number;
  calls: number;
}

describe('four coordinators with 50 clients each on the same keys', () => {
  it('end every call in time while nodes are paused, and converge afterwards', async (t) => {
    const cluster = await startCluster({ mode: 'BOTH' });
    try {
      const clients = cluster.names.map((name) => cluster.client(name, { timeoutMs }));
      const capacity = await measureCapacity(clients);
      const pauseMs = Math.ceil((clients.length * clientsPerNode * 1_000) / (capacity / 2));
      const tally: Tally = { outcomes: new Map(), latestMs: 0, calls: 0 };
      const runMs = process.env['QUORATE_TEST_LONG'] ? 60_000 : 10_000;
      const load = runLoad(clients, pauseMs, runMs, tally);
      await pauseInTurn(cluster, runMs);
      await load;
      t.diagnostic(
        `capacity ${Math.round(capacity)}/s, ${tally.calls} calls, ` +
          `latest ${Math.round(tally.latestMs)} ms after its deadline, ` +
          [...tally.outcomes].map(([code, count]) => `${code} ${count}`).join(', '),
      );
      assert.ok(tally.latestMs <= lateMsMax, `one call ended ${tally.latestMs} ms late`);
      assert.ok((tally.outcomes.get('OK') ?? 0) > tally.calls / 2, 'most calls succeed');
      await until('all replicas agree', async () => await agree(clients), 20_000);
    } finally {
      await cluster.stop();
    }
  });
});

/** How many calls a second the cluster answers when nobody waits, in this process's eyes. */
async function measureCapacity(clients: readonly NodeClient[]): Promise<number> {
  const endMs = performance.now() + 1_500;
  let calls = 0;
  const loop = async (client: NodeClient, seed: number) => {
    for (let round = seed; performance.now() < endMs; round++) {
      await call(client, round);
      calls++;
    }
  };
  await Promise.all(clients.flatMap((client) => [0, 1, 2, 3, 4, 5].map((at) => loop(client, at))));
  return calls / 1.5;
}

async function runLoad(
  clients: readonly NodeClient[],
  everyMs: number,
  runMs: number,
  tally: Tally,
): Promise<void> {
  const startMs = performance.now();
  const loop = async (client: NodeClient, index: number) => {
    await sleep((everyMs * index) / clientsPerNode);
    for (let round = index; performance.now() - startMs < runMs; round++) {
      const sentMs = performance.now();
      const code = await call(client, round);
      const tookMs = performance.now() - sentMs;
      tally.calls++;
      tally.outcomes.set(code, (tally.outcomes.get(code) ?? 0) + 1);
      tally.latestMs = Math.max(tally.latestMs, tookMs - timeoutMs);
      await sleep(Math.max(0, everyMs - tookMs));
    }
  };
  const indices = Array.from({ length: clientsPerNode }, (_, index) => index);
  await Promise.all(clients.flatMap((client) => indices.map((index) => loop(client, index))));
}

async function call(client: NodeClient, round: number): Promise<string> {
  const key = (round * 13) % keys;
  try {
    if (round % 3 === 0) await client.put(key, { kind: 'text', text: `${round}` });
    else if (round % 31 === 1) await client.delete(key);
    else await client.get(key);
    return 'OK';
  } catch (error: unknown) {
    return QuorateError.from(error).code;
  }
}

async function pauseInTurn(cluster: ProcessCluster, runMs: number): Promise<void> {
  const endMs = performance.now() + runMs - 2_500;
  for (let turn = 0; performance.now() < endMs; turn++) {
    const victim = cluster.names[turn % cluster.names.length] ?? '';
    await sleep(400);
    cluster.pause(victim);
    await sleep(turn % 2 === 0 ? 600 : 2_000);
    cluster.resume(victim);
  }
}

/** Whether each key's replicas hold the same, tombstones included. */
async function agree(clients: readonly NodeClient[]): Promise<boolean> {
  const held = await Promise.all(clients.map(entriesByKey));
  for (let key = 0; key < keys; key++) {
    // All these keys live on replica0, replica1 and replica2.
    const [first, ...others] = held.slice(0, 3).map((entries) => entries.get(key));
    if (!others.every((other) => isDeepStrictEqual(other, first))) return false;
  }
  return true;
}

async function entriesByKey(client: NodeClient): Promise<Map<unknown, EntryAnswer>> {
  const entries = new Map<unknown, EntryAnswer>();
  for await (const entry of client.listEntries()) entries.set(entry.key, entry);
  return entries;
}
