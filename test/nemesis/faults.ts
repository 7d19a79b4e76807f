import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../support/simulated-time.ts';
import type { NemesisCluster } from './nemesis-cluster.ts';

/** What befalls one node, or ZooKeeper, and how that ends. */
export const faultKinds = [
  'kill',
  'pause',
  'restart',
  'isolate',
  'one-way cut',
  'delay',
  'clock skew',
] as const;

export type FaultKind =
  | (typeof faultKinds)[number]
  /** Needs ZooKeeper. */
  | 'ZooKeeper kill'
  /** Nothing in memory outlives it: proves that losses are found. */
  | 'kill three';

/** A fault whose chances have been drawn. */
export interface Fault {
  readonly kind: FaultKind;
  /** For people: whom it befalls, and how. */
  readonly words: string;
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
}

const delayMsMin = 50;
const delayMsMax = 300;
const skewMsMin = 100;
const skewMsMax = 3_000;

/** Draws a fault of a kind. */
export function drawFault(kind: FaultKind, cluster: NemesisCluster, random: SeededRandom): Fault {
  const victim = random.pick(cluster.names);
  const { nodes, network } = cluster;
  const fault = (words: string, begin: Fault['begin'], end: Fault['end']): Fault => ({
    kind,
    words,
    begin,
    end,
  });
  const heal = () => network.heal(victim);
  /** What was held back arrives when the fault ends, or never. */
  const drawHealing = () =>
    random.below(2) === 0
      ? { words: 'delivered later', end: heal }
      : {
          words: 'lost',
          end: () => {
            network.reset(victim);
            heal();
          },
        };
  switch (kind) {
    case 'kill':
      return fault(
        victim,
        () => nodes.kill(victim),
        () => nodes.restart(victim),
      );
    case 'kill three': {
      const victims = cluster.names.filter((name) => name !== victim);
      const each = async (act: (name: string) => Promise<void>) => {
        await Promise.all(victims.map(act));
      };
      return fault(
        `all but ${victim}`,
        () => each((name) => nodes.kill(name)),
        () => each((name) => nodes.restart(name)),
      );
    }
    case 'pause':
      return fault(
        victim,
        () => nodes.pause(victim),
        () => nodes.resume(victim),
      );
    case 'restart':
      return fault(
        victim,
        async () => {
          await nodes.stopNode(victim);
          await nodes.restart(victim);
        },
        () => undefined,
      );
    case 'isolate': {
      if (random.below(3) === 0) {
        return fault(`${victim}, connections refused`, () => network.refuse(victim), heal);
      }
      const { words, end } = drawHealing();
      return fault(`${victim}, ${words}`, () => network.hold(victim, 'both'), end);
    }
    case 'one-way cut': {
      const direction = random.pick(['out', 'in'] as const);
      const { words, end } = drawHealing();
      const what = direction === 'out' ? 'is not heard' : 'hears nothing';
      return fault(`${victim} ${what}, ${words}`, () => network.hold(victim, direction), end);
    }
    case 'delay': {
      const delayMs = delayMsMin + random.below(delayMsMax - delayMsMin + 1);
      return fault(
        `${victim} by ${delayMs} ms each way`,
        () => network.delay(victim, delayMs),
        heal,
      );
    }
    case 'clock skew': {
      const sign = random.pick([-1, 1]);
      const skewMs = sign * (skewMsMin + random.below(skewMsMax - skewMsMin + 1));
      return fault(
        `${victim} by ${skewMs} ms`,
        () => nodes.skew(victim, skewMs),
        () => nodes.skew(victim, 0),
      );
    }
    case 'ZooKeeper kill':
      return fault(
        'the only server',
        () => cluster.zookeeper?.kill(),
        () => cluster.zookeeper?.start(),
      );
  }
}

/** Kinds in rounds: each once, in another order each time. */
export function* kindsInRounds(
  kinds: readonly FaultKind[],
  random: SeededRandom,
): Generator<FaultKind, never> {
  for (;;) {
    const left = [...kinds];
    while (left.length > 0) yield* left.splice(random.below(left.length), 1);
  }
}

/** Milliseconds, at least and at most. */
export type Range = readonly [min: number, max: number];

/** Waits for a time drawn from a range. */
export function restFor(random: SeededRandom, [min, max]: Range): Promise<void> {
  return sleep(min + random.below(max - min + 1));
}
