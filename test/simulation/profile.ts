import { type RepairMode, repairModes } from '../../src/consistency/repair-mode.ts';
import type { HintLimits } from '../../src/hints/hint-store.ts';
import { SeededRandom } from '../support/simulated-time.ts';
import type { FaultKind } from './faults.ts';

/**
 * What one seed makes a cluster of, its clients and its faults. Each seed leaves most features out
 * and takes the others to an extreme, so that rare mixtures occur ("Swarm Testing", Groce et al.,
 * 2012), and gives every limit a value that is reached ("buggify" of FoundationDB).
 */
export interface Profile {
  readonly nodes: number;
  readonly replicationFactor: number;
  readonly mode: RepairMode;
  readonly keys: readonly number[];
  /** Whether clients also use ONE, TWO and THREE. */
  readonly isMixed: boolean;
  readonly clients: number;
  /** How long clients go on. */
  readonly durationMs: number;
  /** How long a client rests between two calls, at most. */
  readonly restMsMax: number;
  readonly timeoutsMs: readonly number[];
  /** Shares of all calls. */
  readonly writes: number;
  readonly deletes: number;
  readonly expiring: number;
  readonly ttlMsMax: number;
  /** How long frames take, at most, and the share of those that take much longer. */
  readonly delayMsMax: number;
  readonly slowFrames: number;
  readonly flushMsMax: number;
  readonly slowFlushes: number;
  readonly hintLimits: Partial<HintLimits>;
  /** Whether news of nodes that came back are late, lost and made up. */
  readonly isNewsUnreliable: boolean;
  readonly clockSkewMsMax: number;
  readonly clockDriftMax: number;
  readonly faults: number;
  readonly faultKinds: readonly FaultKind[];
  readonly faultMsMax: number;
  /** How long faults may last when the clients are done. */
  readonly lingerMs: number;
}

const allKeys = [7, 8, 70, 130, 200, 255, 0];

/** The profile of a seed, with what the caller wants otherwise. */
export function profileOf(seed: number, wanted: Partial<Profile> = {}): Profile {
  const random = new SeededRandom(seed * 2 + 1);
  const chance = (share: number) => random.fraction() < share;
  const nodes = wanted.nodes ?? random.pick([1, 2, 3, 3, 3, 4, 4, 4, 5, 6, 8]);
  const isLosingDisk = nodes >= 3 && chance(0.06);
  const kinds = faultKindsOf(random, nodes, isLosingDisk);
  return {
    nodes,
    replicationFactor: chance(0.9) ? 3 : random.pick([2, 4, 5]),
    mode: random.pick(repairModes),
    keys: allKeys.slice(0, random.pick([1, 2, 3, 5])),
    isMixed: chance(0.3),
    clients: random.pick([6, 12, 24, 40]),
    durationMs: random.pick([1_500, 3_000, 6_000]),
    restMsMax: random.pick([20, 100, 300]),
    timeoutsMs: chance(0.5) ? [2_000] : [random.pick([30, 60, 150]), 500, 5_000],
    writes: random.pick([0.3, 0.5, 0.8]),
    deletes: random.pick([0, 0.2]),
    expiring: chance(0.2) ? 0.3 : 0,
    ttlMsMax: random.pick([50, 1_000, 4_000]),
    delayMsMax: random.pick([1, 3, 8, 30]),
    slowFrames: chance(0.3) ? 0.02 : 0,
    flushMsMax: random.pick([1, 5, 25]),
    slowFlushes: chance(0.2) ? 0.02 : 0,
    hintLimits: chance(0.3) ? { hintsPerTargetMax: random.pick([1, 2, 4]) } : {},
    isNewsUnreliable: chance(0.3),
    clockSkewMsMax: random.pick([0, 0, 100, 240]),
    clockDriftMax: chance(0.2) ? 0.02 : 0,
    faults: random.pick([0, 2, 4, 8]),
    faultKinds: kinds,
    faultMsMax: random.pick([300, 1_500, 4_000]),
    lingerMs: random.pick([0, 0, 2_000, 5_000]),
    ...wanted,
  };
}

function faultKindsOf(random: SeededRandom, nodes: number, isLosingDisk: boolean): FaultKind[] {
  const all: readonly FaultKind[] = [
    ...(['kill', 'kill-all', 'stop', 'pause', 'io-error', 'full'] as const),
    // One node alone has no other clock to compare with: its own is right by definition.
    ...(nodes > 1 ? (['isolate', 'cut', 'reset', 'slow', 'clock'] as const) : []),
    // Two damaged records of a key are a lost key: only one node may have any, and keep its disk.
    ...(nodes > 1 && !isLosingDisk ? (['damage'] as const) : []),
  ];
  const kinds = all.filter(() => random.fraction() < 0.4);
  if (isLosingDisk) kinds.push('lose-disk');
  return kinds.length === 0 ? [random.pick(all)] : kinds;
}
