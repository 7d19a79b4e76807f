import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EntryAnswer } from '../../src/client/answers.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';

const isLong = process.env['QUORATE_TEST_LONG'] !== undefined;
const missed = isLong ? 100_000 : 1_500;
const replayMsMax = isLong ? 60_000 : 15_000;
const coordinators = ['replica0', 'replica2', 'replica3'];

describe('a node that missed many writes', () => {
  it(`has ${missed} of them within ${replayMsMax / 1_000} s, and clients hardly notice`, async (t) => {
    const cluster = await startCluster({ mode: 'HINTED-HANDOFF', isDurable: true });
    try {
      const clients = coordinators.map((name) => cluster.client(name, { timeoutMs: 10_000 }));
      await measure(clients, 'warm', () => Promise.resolve());
      const before = await measure(clients, 'before', () => passed(isLong ? 10_000 : 1_000));
      await cluster.kill('replica1');
      for (const name of coordinators) await cluster.untilSeen(name, 'replica1', 'down');
      await missWrites(clients);
      // A write from before may still have been under way to the node that was killed.
      assert.ok((await waiting(clients)) >= missed);
      let replayMs = 0;
      await cluster.restart('replica1');
      const during = await measure(clients, 'during', async () => {
        const beganMs = performance.now();
        await until(
          'all hints are delivered',
          async () => (await waiting(clients)) === 0,
          replayMsMax,
        );
        replayMs = performance.now() - beganMs;
      });
      t.diagnostic(
        `${missed} hints in ${(replayMs / 1_000).toFixed(1)} s; QUORUM p99 ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms meanwhile`,
      );
      assert.equal(await held(cluster, 'replica1', isMissed), missed);
      // In the short form the replay is over before a p99 means anything.
      if (isLong) assert.ok(during <= before * 1.5 + 1, `p99 ${during} ms after ${before} ms`);
    } finally {
      await cluster.stop();
    }
  });
});

describe('a node that was killed while it kept hints', () => {
  it('has them after its restart and delivers them without any traffic', async () => {
    const cluster = await startCluster({ mode: 'HINTED-HANDOFF', isDurable: true });
    try {
      await cluster.kill('replica1');
      await cluster.untilSeen('replica0', 'replica1', 'down');
      const client = cluster.client('replica0');
      for (let key = 0; key < 20; key++) await client.put(key, { kind: 'text', text: `${key}` });
      await cluster.kill('replica0');
      await cluster.restart('replica0');
      const again = cluster.client('replica0');
      // The last may have died between its answer and its flush: then its token is DIRTY.
      assert.ok((await waiting([again])) >= 19);
      await cluster.restart('replica1');
      const isNumber = (key: EntryAnswer['key']) => typeof key === 'number';
      await until('all keys', async () => (await held(cluster, 'replica1', isNumber)) === 20);
      await until('nothing is left to do', async () => {
        const targets = await again.listHints();
        return targets.every(({ count, dirtyTokens }) => count + dirtyTokens.length === 0);
      });
    } finally {
      await cluster.stop();
    }
  });
});

/** Puts that replica1 misses, through all coordinators. */
async function missWrites(clients: readonly NodeClient[]): Promise<void> {
  let next = 0;
  const worker = async (_: unknown, at: number) => {
    const client = clients[at % clients.length];
    for (let index = next++; index < missed; index = next++) {
      await client?.put(`\u0001missed ${index}`, { kind: 'text', text: `value ${index}` });
    }
  };
  await Promise.all(Array.from({ length: 48 }, worker));
}

/** The 99th percentile of QUORUM puts and gets, 100 of each a second, while something goes on. */
async function measure(
  clients: readonly NodeClient[],
  name: string,
  whatGoesOn: () => Promise<void>,
): Promise<number> {
  const tookMs: number[] = [];
  let isOver = false;
  const worker = async (client: NodeClient, kind: 'put' | 'get') => {
    for (let index = 0; !isOver || index < 20; index++) {
      const beganMs = performance.now();
      const key = `\u0041${name} ${index % 100}`;
      if (kind === 'put') await client.put(key, { kind: 'text', text: 'foreground' });
      else await client.get(key);
      tookMs.push(performance.now() - beganMs);
      await passed(30);
    }
  };
  const workers = clients.flatMap((client) => [worker(client, 'put'), worker(client, 'get')]);
  await whatGoesOn().finally(() => {
    isOver = true;
  });
  await Promise.all(workers);
  return tookMs.sort((left, right) => left - right)[Math.floor(tookMs.length * 0.99)] ?? 0;
}

async function waiting(clients: readonly NodeClient[]): Promise<number> {
  const answers = await Promise.all(clients.map((client) => client.listHints()));
  const kept = answers.flat().filter(({ node }) => node === 'replica1');
  return kept.reduce((sum, { count }) => sum + count, 0);
}

/** How many keys of some kind a node itself holds. */
async function held(
  cluster: ProcessCluster,
  name: string,
  isCounted: (key: EntryAnswer['key']) => boolean,
): Promise<number> {
  let count = 0;
  for await (const { key } of cluster.client(name).listEntries({ timeoutMs: 30_000 })) {
    if (isCounted(key)) count++;
  }
  return count;
}

function isMissed(key: EntryAnswer['key']): boolean {
  return typeof key === 'string' && key.startsWith('\u0001missed');
}

function passed(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
