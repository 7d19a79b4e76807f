import { formatHex } from '../../src/base/bytes.ts';
import { keepsHints } from '../../src/consistency/repair-mode.ts';
import { formatVersion } from '../../src/record/version.ts';
import { problemsOf } from '../checkers/check-history.ts';
import type { Call } from '../checkers/history.ts';
import { SimulatedCluster, textOf } from '../support/simulated-cluster.ts';
import { SeededRandom } from '../support/simulated-time.ts';
import { Clients } from './clients.ts';
import { type Fault, Faults, planFaults } from './faults.ts';
import { type Profile, profileOf } from './profile.ts';
import { TraceHash } from './trace-hash.ts';
import { UnreliableNews } from './unreliable-news.ts';

/**
 * One seed, one run, the same bit for bit each time: a cluster of real engines in virtual time,
 * clients that use it while faults happen, then peace, and all that must hold.
 */
export interface RunOptions {
  readonly seed: number;
  /** What is to be otherwise than the seed says. */
  readonly profile?: Partial<Profile>;
  /** Which of the faults are to happen, by their index; all by default. */
  readonly keptFaults?: readonly number[];
}

export interface RunOutcome {
  /** A sentence for each thing that must not be. */
  readonly problems: readonly string[];
  readonly operations: number;
  /** Of all frames and answers with their times: equal where two runs were. */
  readonly hash: string;
  readonly faults: readonly Fault[];
  readonly calls: readonly Call[];
}

/** After the last fault everything must be in order within this time. */
const quietMsMax = 300_000;

export async function runSeed({ seed, ...options }: RunOptions): Promise<RunOutcome> {
  const profile = profileOf(seed, options.profile);
  const random = new SeededRandom(seed);
  const trace = new TraceHash();
  const share = (most: number, slow: number, slowMs: number) =>
    random.fraction() < slow ? random.below(slowMs) : random.below(most + 1);
  const cluster = new SimulatedCluster({
    nodes: profile.nodes,
    replicationFactor: Math.min(profile.replicationFactor, profile.nodes),
    mode: profile.mode,
    seed: seed ^ 0x5eed,
    isDurable: true,
    hintLimits: profile.hintLimits,
    flushMs: () => 1 + share(profile.flushMsMax - 1, profile.slowFlushes, 300),
    ...(profile.isNewsUnreliable && {
      membershipOf: (nodes, clock) => new UnreliableNews(nodes, { clock, random }),
    }),
  });
  const keys = profile.keys.map((key) => Uint8Array.of(key));
  const faults = new Faults(cluster, keys);
  cluster.network.delayMs = (from, to) =>
    share(profile.delayMsMax, profile.slowFrames, 1_500) + faults.slownessMs(from, to);
  cluster.network.onArrival = (from, to) => trace.add(`${cluster.time.nowMs}${from}${to}`);
  for (const node of cluster.names) {
    void cluster.boot(node, (random.fraction() * 2 - 1) * profile.clockSkewMsMax);
    cluster.host(node).drift = (random.fraction() * 2 - 1) * profile.clockDriftMax;
  }
  await cluster.time.advance(3_000);
  const planned = planFaults(seed, cluster.names, profile);
  faults.schedule(planned.filter((_, index) => options.keptFaults?.includes(index) ?? true));
  const clients = new Clients(cluster, random, profile);
  await cluster.time.settle(clients.run(), 120_000);
  const problems = await quieten(cluster, faults, keys, profile);
  for (const level of ['QUORUM', 'ALL'] as const) {
    await cluster.time.settle(clients.readAll(level), 600_000);
  }
  await cluster.time.advance(2_000);
  const { calls } = clients.recorder;
  const isSound = problems.length === 0;
  const isDiskLost = planned.some(({ kind }) => kind === 'lose-disk' || kind === 'damage');
  problems.push(
    ...clients.late.map((call) => `no answer within 100 ms of its deadline: ${call}`),
    ...differences(cluster, keys),
    ...problemsOf(calls, { isDiskLost }),
  );
  // Else a replica may be down, or have a damaged record.
  if (isSound) problems.push(...clients.recorder.losses({ isDiskLost }));
  for (const call of calls) trace.add(`${call.endMs}${call.outcome}${call.version}`);
  return { problems, operations: calls.length, hash: trace.hash, faults: planned, calls };
}

/** Ends the faults and waits until nobody owes anything. @returns what is wrong then. */
async function quieten(
  cluster: SimulatedCluster,
  faults: Faults,
  keys: readonly Uint8Array[],
  { mode, lingerMs }: Profile,
): Promise<string[]> {
  // What a fault began may end only later: a flush that fails, a node that stops.
  await cluster.time.advance(lingerMs);
  faults.end();
  // A flush that was to fail may be under way still, and end its node later.
  const isRunning = () => {
    for (const node of cluster.names) faults.boot(node);
    return cluster.names.every((node) => cluster.isUp(node));
  };
  const isQuiet = () =>
    isRunning() && cluster.names.every((node) => isWhole(cluster, node)) && cluster.owesNothing();
  try {
    await cluster.time.until(isRunning, 30_000, 200);
    // What the scrub would find in a day: damage that nobody has met yet.
    differences(cluster, keys);
    await cluster.time.until(isQuiet, quietMsMax, 200);
  } catch {
    const waits = cluster.names.filter((node) => !isWhole(cluster, node));
    return [`not quiet ${quietMsMax / 1_000} s after the last fault: ${waits.join(', ')}`];
  }
  // What the clocks of the others had to say of each other is forgotten by now.
  await cluster.time.advance(2_000);
  if (!keepsHints(mode)) return [];
  return differences(cluster, keys).map((problem) => `${problem}, and no hint or mark tells of it`);
}

function isWhole(cluster: SimulatedCluster, node: string): boolean {
  if (!cluster.isUp(node)) return false;
  const { rebuild, storage } = cluster.engine(node);
  return rebuild?.status().isOver !== false && storage.damagedKeys().length === 0;
}

/** A sentence for each key of which two replicas hold different things. */
function differences(cluster: SimulatedCluster, keys: readonly Uint8Array[]): string[] {
  return keys.flatMap((key) => {
    const held = cluster.replicasOf(key).map((node) => heldBy(cluster, node, key));
    return new Set(held).size > 1
      ? [`the replicas of ${formatHex(key)} hold ${held.join(', ')}`]
      : [];
  });
}

function heldBy(cluster: SimulatedCluster, node: string, key: Uint8Array): string {
  if (!cluster.isUp(node)) return `nothing, for ${node} is down`;
  try {
    const record = cluster.engine(node).storage.get(key);
    if (record === undefined) return '';
    const { version, value } = record;
    return `${formatVersion(version)} ${value === undefined ? 'deleted' : textOf(value)}`;
  } catch {
    return `a damaged record on ${node}`;
  }
}
