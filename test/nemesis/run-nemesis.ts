import { setTimeout as sleep } from 'node:timers/promises';
import { problemsOf } from '../checkers/check-history.ts';
import { SeededRandom } from '../support/simulated-time.ts';
import type { Caller } from './caller.ts';
import { Coordinators } from './coordinators.ts';
import {
  drawFault,
  type Fault,
  type FaultKind,
  kindsInRounds,
  type Range,
  restFor,
} from './faults.ts';
import { Load } from './load.ts';
import { NemesisCluster, type NemesisClusterOptions } from './nemesis-cluster.ts';
import { PlainCaller } from './plain-caller.ts';
import { type Phase, type Report, rollingKind, rowsOf } from './report.ts';
import { TypedCaller } from './typed-caller.ts';

/**
 * Real nodes under a steady load, one fault after the other, and what the clients saw.
 *
 * The faults and what the clients ask follow from the seed; when a process does what, does not.
 */
export interface NemesisOptions extends NemesisClusterOptions {
  readonly seed: number;
  /** How long faults go on; the last one and what comes after it take longer. */
  readonly durationMs: number;
  /** Calls a second. */
  readonly rate: number;
  /**
   * Through which client: the published one, `typed`, or `plain` calls of single nodes, of which a
   * call makes two at most.
   */
  readonly client: 'typed' | 'plain';
  /** How long the rate rises before the first fault. */
  readonly warmUpMs: number;
  readonly faults: readonly FaultKind[];
  /** How long a fault lasts, at least and at most. */
  readonly faultMs: Range;
  /** How long all is well between two faults. */
  readonly quietMs: Range;
  /** Whether all nodes are restarted in turn, before the faults. */
  readonly rolling: boolean;
  /** Told what happens, a line each. */
  readonly log: (line: string) => void;
}

/** How long calls wait. */
const timeoutMs = 2_000;
/** Each finds out by itself which nodes are there. */
const typedClients = 4;
/** Hints go out when their target is back; copies of dirty tokens may take a few rounds. */
const settledMsMax = 60_000;

/** Starts a cluster, runs it, checks it and stops it. */
export async function runNemesis(options: NemesisOptions): Promise<Report> {
  const cluster = await NemesisCluster.start(options);
  try {
    return await new NemesisRun(cluster, await callerOf(cluster, options), options).run();
  } finally {
    await cluster.stop();
  }
}

async function callerOf(cluster: NemesisCluster, options: NemesisOptions): Promise<Caller> {
  const { nodes, names } = cluster;
  if (options.client === 'typed') {
    const addresses = names.map((name) => nodes.address(name));
    const directOf = (address: string) => cluster.directOf(address);
    return TypedCaller.connect(addresses, { clients: typedClients, timeoutMs, directOf });
  }
  const clients = new Map(names.map((name) => [name, nodes.client(name, { timeoutMs })] as const));
  const coordinators = new Coordinators(new SeededRandom(options.seed + 2), clients);
  return new PlainCaller(coordinators, timeoutMs);
}

class NemesisRun {
  readonly #cluster: NemesisCluster;
  readonly #options: NemesisOptions;
  readonly #random: SeededRandom;
  readonly #caller: Caller;
  readonly #load: Load;
  readonly #phases: Phase[] = [];
  readonly #startMs = performance.now();

  constructor(cluster: NemesisCluster, caller: Caller, options: NemesisOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#caller = caller;
    const { rate, warmUpMs } = options;
    this.#load = new Load(new SeededRandom(options.seed + 1), caller, { rate, warmUpMs });
  }

  async run(): Promise<Report> {
    try {
      this.#load.start();
      await this.#phase('warm-up', false, () => sleep(this.#options.warmUpMs));
      if (this.#options.rolling) await this.#restartInTurn();
      await this.#befall();
      await this.#load.stop();
      return await this.#conclude();
    } finally {
      await this.#load.stop();
      await this.#caller.stop();
    }
  }

  async #restartInTurn(): Promise<void> {
    const { nodes, names } = this.#cluster;
    this.#log(rollingKind);
    await this.#phase(rollingKind, false, async () => {
      for (const name of names) {
        await nodes.stopNode(name);
        await nodes.restart(name);
        await this.#cluster.untilWhole();
      }
    });
    await restFor(this.#random, this.#options.quietMs);
  }

  async #befall(): Promise<void> {
    const endMs = performance.now() + this.#options.durationMs;
    const kinds = kindsInRounds(this.#options.faults, this.#random);
    while (performance.now() < endMs) {
      const fault = drawFault(kinds.next().value, this.#cluster, this.#random);
      this.#log(`${fault.kind} of ${fault.words}`);
      await this.#phase(fault.kind, true, () => this.#suffer(fault));
      await restFor(this.#random, this.#options.quietMs);
    }
  }

  async #suffer(fault: Fault): Promise<void> {
    await fault.begin();
    await restFor(this.#random, this.#options.faultMs);
    await fault.end();
    await this.#cluster.untilWhole();
  }

  async #phase(kind: string, isFault: boolean, run: () => Promise<void>): Promise<void> {
    const startMs = performance.now();
    await run();
    this.#phases.push({ kind, isFault, startMs, endMs: performance.now() });
  }

  /** All is well again, and nobody writes. */
  async #conclude(): Promise<Report> {
    const { seed, zookeeper } = this.#options;
    await this.#cluster.untilWhole();
    const calls = [...this.#load.calls];
    const owed = await untilEmpty(() => this.#cluster.owed());
    const unread = await this.#load.readAll();
    const differing = await untilEmpty(() => this.#cluster.differences());
    const faults: Record<string, number> = {};
    for (const { kind, isFault } of this.#phases) {
      if (isFault) faults[kind] = (faults[kind] ?? 0) + 1;
    }
    return {
      seed,
      seconds: (performance.now() - this.#startMs) / 1_000,
      membership: zookeeper ? 'zookeeper' : 'static',
      faults,
      ...rowsOf(calls, this.#phases),
      owed,
      differing,
      unread,
      violations: problemsOf(this.#load.calls),
    };
  }

  #log(line: string): void {
    const seconds = (performance.now() - this.#startMs) / 1_000;
    this.#options.log(`${seconds.toFixed(1).padStart(6)} s  ${line}`);
  }
}

/** @returns what was found last: nothing, or what did not go away in time. */
async function untilEmpty(find: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const endMs = performance.now() + settledMsMax;
  let found = await find();
  while (found.length > 0 && performance.now() < endMs) {
    await sleep(200);
    found = await find();
  }
  return found;
}
