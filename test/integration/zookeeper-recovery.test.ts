/** Nodes that come back, seen by the others through a real ZooKeeper: paused, restarted, merged. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeMember } from '../../src/membership/zookeeper/member-record.ts';
import { ZookeeperMembership } from '../../src/membership/zookeeper/zookeeper-membership.ts';
import type { ZookeeperSession } from '../../src/membership/zookeeper/zookeeper-session.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { until } from '../support/processes.ts';
import { zookeeperInstallation } from '../support/zookeeper.ts';
import {
  createSession,
  describeTimes,
  isLong,
  type LogEvent,
  ZookeeperCluster,
} from '../support/zookeeper-cluster.ts';

const skip = zookeeperInstallation() === undefined ? 'no ZooKeeper on this machine' : false;
/** At length it is what nodes ask for. */
const sessionMs = isLong ? 6_000 : 2_000;
/** A server ends sessions at its ticks. */
const expiryMsMax = sessionMs + 1_000;
const missedKeys = 500;

describe('a node that comes back', { skip }, () => {
  let cluster: ZookeeperCluster;

  before(async () => {
    cluster = await ZookeeperCluster.start({ sessionMsMax: sessionMs });
  });

  after(() => cluster?.stop());

  it('from a pause of three session timeouts is in every view within 5 s, with its hints', async (t) => {
    const rounds = isLong ? 3 : 1;
    const seen: number[] = [];
    const replayed: number[] = [];
    for (let round = 0; round < rounds; round++) {
      cluster.nodes.pause('replica2');
      const resumeAtMs = performance.now() + 3 * sessionMs;
      const others = cluster.names.filter((name) => name !== 'replica2');
      await until(
        'the others miss it',
        async () => {
          const views = await Promise.all(others.map((name) => cluster.seenBy(name)));
          return views.every(({ nodes }) => nodes[2]?.liveness === 'down' && !nodes[2]?.registered);
        },
        2 * expiryMsMax,
      );
      const client = cluster.client('replica0');
      const keys = Array.from({ length: missedKeys }, (_, index) => `\u0001${round}/${index}`);
      await Promise.all(keys.map((key) => client.put(key, { kind: 'text', text: key })));
      assert.ok((await hintsFor(cluster, 'replica2')) >= missedKeys);
      await sleep(resumeAtMs - performance.now());
      cluster.nodes.resume('replica2');
      const resumedMs = performance.now();
      const isBack = until('it is back', () => cluster.isSeen('replica2')).then(() =>
        seen.push(performance.now() - resumedMs),
      );
      await until('no hint waits', async () => (await hintsFor(cluster, 'replica2')) === 0);
      replayed.push(performance.now() - resumedMs);
      await isBack;
      let held = 0;
      for await (const { key } of cluster.client('replica2').listEntries()) {
        if (typeof key === 'string' && key.startsWith(`\u0001${round}/`)) held++;
      }
      assert.equal(held, missedKeys);
    }
    t.diagnostic(`in every view after ${describeTimes(seen)}`);
    t.diagnostic(`${missedKeys} hints replayed after ${describeTimes(replayed)}`);
    assert.ok(Math.max(...seen) < 5_000);
    assert.ok(Math.max(...replayed) < 5_000);
    await cluster.untilWhole();
  });

  it('from a restart within its session timeout is in every view within 1 s, each time, for good', async (t) => {
    const rounds = isLong ? 20 : 3;
    const name = 'replica1';
    const others = cluster.names.filter((other) => other !== name);
    const noticesOf = (other: string) =>
      cluster.logged(other, 'member is registered').filter(({ data }) => data['member'] === name);
    const noticedBefore = others.map((other) => noticesOf(other).length);
    const watcher = new RegistrationWatcher(await cluster.openSession(), name);
    const times: RestartTimes[] = [];
    for (let round = 0; round < rounds; round++) {
      watcher.ignoreGaps();
      times.push(await restartAndWait(cluster, name, watcher));
      for (const [index, other] of others.entries()) {
        const noticed = noticesOf(other).length - (noticedBefore[index] ?? 0);
        assert.equal(noticed, round + 1, `${other} noticed ${noticed} of ${round + 1} restarts`);
      }
    }
    // The sessions of all the runs that were killed end meanwhile.
    await sleep(expiryMsMax + 500);
    await watcher.stop();
    assert.equal(await cluster.isSeen(name), true);
    t.diagnostic(
      `${rounds} restarts; from the registration to the last other that noticed: ${describeTimes(times.map(({ noticedMs }) => noticedMs))}`,
    );
    t.diagnostic(
      `from the registration to every view: ${describeTimes(times.map(({ seenMs }) => seenMs))}`,
    );
    t.diagnostic(
      `from ready to every view: ${describeTimes(times.map(({ seenAfterReadyMs }) => seenAfterReadyMs))}`,
    );
    t.diagnostic(
      `from the start of the process: registered ${describeTimes(times.map(({ registeredMs }) => registeredMs))}, in every view ${describeTimes(times.map(({ seenAfterSpawnMs }) => seenAfterSpawnMs))}`,
    );
    t.diagnostic(`${watcher.looks} looks at its registration, missing in ${watcher.gaps}`);
    assert.equal(watcher.gaps, 0);
    assert.ok(times.every(({ noticedMs }) => noticedMs <= 1_000));
    assert.ok(times.every(({ seenAfterReadyMs }) => seenAfterReadyMs <= 1_000));
  });

  it('is noticed by observers that were busy while it left and came back', async (t) => {
    const rounds = isLong ? 50 : 10;
    const root = '/busy';
    const names = ['observer0', 'observer1', 'restarting'];
    const sessions = names.map(() => createSession(cluster.zookeeper, { root }));
    const gone: unknown[] = [];
    const logger = {
      ...silentLogger,
      warn: (event: string, data?: object) => gone.push(event, data),
    };
    const observers = [0, 1].map((index) => {
      const session = sessions[index] ?? assert.fail();
      const node = names[index] ?? '';
      const own = { host: '127.0.0.1', port: index + 1, incarnation: BigInt(index) };
      const membership = new ZookeeperMembership(
        { clock: new SystemClock(), logger, session },
        { node, nodes: names, own, ringDigest: 'busy', startupWindowMs: 0 },
      );
      const recovered: string[] = [];
      membership.onRecovered((recoveredName) => recovered.push(recoveredName));
      return { membership, recovered };
    });
    try {
      await Promise.all(observers.map(({ membership }) => membership.start(5_000)));
      const restarting = sessions[2] ?? assert.fail();
      restarting.start();
      await until('connected', () => restarting.state === 'connected');
      const path = '/members/restarting';
      const record = encodeMember({ host: '127.0.0.1', port: 3, incarnation: 7n });
      await restarting.createEphemeral(path, record);
      const czxids = new Set<bigint>();
      const latencies: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        await until('both know it', () =>
          observers.every(({ recovered }) => recovered.includes('restarting')),
        );
        if (round === rounds) break;
        for (const { recovered } of observers) recovered.length = 0;
        // Both requests leave now; their answers and all events wait until this process is free.
        const isDone = Promise.all([
          restarting.delete(path),
          restarting.createEphemeral(path, record),
        ]);
        const busyUntilMs = performance.now() + 300;
        while (performance.now() < busyUntilMs);
        const [, { czxid }] = await isDone;
        assert.equal(czxids.has(czxid), false);
        czxids.add(czxid);
        await until(
          'both noticed',
          () => observers.every(({ recovered }) => recovered.includes('restarting')),
          1_000,
        );
        latencies.push(performance.now() - busyUntilMs);
      }
      t.diagnostic(
        `${rounds} registrations made anew, noticed by both ${describeTimes(latencies)} after they were busy`,
      );
      // A list without it was never seen: only the czxid can have told.
      assert.deepEqual(gone, []);
    } finally {
      await Promise.all(observers.map(({ membership }) => membership.stop()));
      await sessions[2]?.stop();
    }
  });
});

async function hintsFor(cluster: ZookeeperCluster, target: string): Promise<number> {
  const others = cluster.names.filter((name) => name !== target);
  const kept = await Promise.all(others.map((name) => cluster.client(name).listHints()));
  return kept.flat().reduce((sum, { node, count }) => sum + (node === target ? count : 0), 0);
}

interface RestartTimes {
  /** From the start of the process to its registration, by its log. */
  readonly registeredMs: number;
  /** From its registration to the last of the others that noticed, by their logs. */
  readonly noticedMs: number;
  /** From its registration until it is registered and up in every view. */
  readonly seenMs: number;
  readonly seenAfterReadyMs: number;
  readonly seenAfterSpawnMs: number;
}

async function restartAndWait(
  cluster: ZookeeperCluster,
  name: string,
  watcher: RegistrationWatcher,
): Promise<RestartTimes> {
  await cluster.nodes.kill(name);
  const killed = cluster.nodes.node(name);
  const spawnedAtMs = Date.now();
  const others = cluster.names.filter((other) => other !== name);
  const ready = cluster.nodes.restart(name);
  const hasRegistered = () =>
    cluster.nodes.node(name) !== killed &&
    cluster.logged(name, 'registered in ZooKeeper').length > 0;
  await until('it registers', hasRegistered);
  watcher.countGaps();
  await ready;
  const readyAtMs = Date.now();
  const { nodes } = await cluster.seenBy(name);
  const incarnation = nodes.find((node) => node.name === name)?.incarnation;
  await until('every view has it', () => cluster.isSeen(name, incarnation));
  const seenAtMs = Date.now();
  const registeredAtMs = cluster.logged(name, 'registered in ZooKeeper')[0]?.atMs ?? 0;
  const noticed = others.map((other) =>
    lastOf(cluster.logged(other, 'member is registered'), name),
  );
  return {
    registeredMs: registeredAtMs - spawnedAtMs,
    noticedMs: Math.max(...noticed) - registeredAtMs,
    seenMs: seenAtMs - registeredAtMs,
    seenAfterReadyMs: seenAtMs - readyAtMs,
    seenAfterSpawnMs: seenAtMs - spawnedAtMs,
  };
}

function lastOf(events: readonly LogEvent[], member: string): number {
  return events.filter(({ data }) => data['member'] === member).at(-1)?.atMs ?? 0;
}

/** Looks at a registration again and again, and counts how often it is not there. */
class RegistrationWatcher {
  looks = 0;
  gaps = 0;
  #isCounting = false;
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(session: ZookeeperSession, name: string) {
    this.#done = this.#look(session, `/members/${name}`);
  }

  /** From now on the node lives and is registered. */
  countGaps(): void {
    this.#isCounting = true;
  }

  /** From now on it may be dead. */
  ignoreGaps(): void {
    this.#isCounting = false;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #look(session: ZookeeperSession, path: string): Promise<void> {
    while (!this.#isStopped) {
      const wasCounting = this.#isCounting;
      const stat = await session.exists(path);
      if (wasCounting && this.#isCounting) {
        this.looks++;
        if (stat === undefined) this.gaps++;
      }
      await sleep(5);
    }
  }
}
