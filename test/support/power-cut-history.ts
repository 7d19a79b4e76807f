import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import type { Call } from '../checkers/history.ts';
import { CallRecorder } from './call-recorder.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

/**
 * Clients of a simulated cluster that write and read the same few keys at QUORUM while the power of
 * nodes is cut, and all that must hold of what they saw: no operation goes back behind one that had
 * ended, one version has one value, and when all is quiet every replica holds the same.
 *
 * Keys are few and flushes slow, so that many writes to a key are under way at every cut. Each
 * cycle ends with a read of every key, and all of it follows from the seed.
 */
export interface PowerCutHistoryOptions {
  readonly seed: number;
  readonly cycles: number;
  readonly mode: RepairMode;
}

/** What came out, and what is wrong with it, a sentence each. */
export interface PowerCutOutcome {
  readonly acknowledged: number;
  readonly uncertain: number;
  readonly reads: number;
  readonly problems: readonly string[];
}

const keys = [7, 8, 70, 130, 200];
const clientsPerNode = 3;
const timeoutMs = 1_000;

export async function powerCutHistory(options: PowerCutHistoryOptions): Promise<PowerCutOutcome> {
  const history = new History(options);
  await history.run();
  return history;
}

class History implements PowerCutOutcome {
  readonly #options: PowerCutHistoryOptions;
  readonly #cluster: SimulatedCluster;
  readonly #recorder: CallRecorder;
  problems: readonly string[] = [];
  #isOver = false;

  constructor(options: PowerCutHistoryOptions) {
    const { seed, mode } = options;
    this.#options = options;
    this.#cluster = new SimulatedCluster({
      seed,
      mode,
      isDurable: true,
      flushMs: () => this.#cluster.random.below(flushMsMax) + 1,
    });
    this.#cluster.network.delayMs = () => this.#cluster.random.below(networkMsMax);
    this.#recorder = new CallRecorder(this.#cluster);
  }

  get acknowledged(): number {
    return this.#count('ok', true);
  }

  get uncertain(): number {
    return this.#count('uncertain', true);
  }

  get reads(): number {
    return this.#count('ok', false);
  }

  #count(outcome: Call['outcome'], isWrite: boolean): number {
    const { calls } = this.#recorder;
    return calls.filter((call) => call.outcome === outcome && (call.kind !== 'get') === isWrite)
      .length;
  }

  async run(): Promise<void> {
    const { time, names } = this.#cluster;
    for (const name of names) void this.#cluster.boot(name);
    await time.advance(3_000);
    const clients = names.flatMap((name) =>
      Array.from({ length: clientsPerNode }, () => this.#client(name)),
    );
    await time.settle(Promise.all([...clients, this.#cutPower()]), 600_000);
    await time.until(() => this.#cluster.owesNothing(), 300_000);
    this.problems = this.#recorder.problems();
  }

  async #client(by: string): Promise<void> {
    const { random } = this.#cluster;
    while (!this.#isOver) {
      await this.#sleep(random.below(20));
      if (this.#cluster.isUp(by)) await this.#call(by, random.pick(keys), random.below(2) === 0);
    }
  }

  async #cutPower(): Promise<void> {
    const { random, names } = this.#cluster;
    for (let cycle = 0; cycle < this.#options.cycles; cycle++) {
      await this.#sleep(random.below(300));
      const victims = random.below(2) === 0 ? names : [random.pick(names)];
      if (random.below(3) === 0) await this.#stopInOrder(random.pick(victims));
      for (const name of victims) this.#cluster.kill(name, random.below(2) === 0);
      for (const name of victims) {
        await this.#sleep(random.below(50));
        // A clock that is set back must not make a version again.
        void this.#cluster.boot(name, random.below(100) - 50);
      }
      // Sometimes the power goes again before the node has found its feet.
      if (random.below(4) === 0) continue;
      await this.#sleep(700);
      await Promise.all(keys.map((key) => this.#call(random.pick(names), key, false)));
    }
    this.#isOver = true;
    await this.#sleep(5_000);
    await Promise.all(keys.map((key) => this.#call('replica0', key, false)));
  }

  /** The power goes at a random moment of a stop, which it may cut short. */
  async #stopInOrder(name: string): Promise<void> {
    if (!this.#cluster.isUp(name)) return;
    void this.#cluster.stopNode(name);
    await this.#sleep(this.#cluster.random.below(100));
  }

  async #call(by: string, number: number, isWrite: boolean): Promise<void> {
    if (!this.#cluster.isUp(by)) return;
    const isDelete = this.#cluster.random.below(5) === 0;
    const kind = isWrite ? (isDelete ? 'delete' : 'put') : 'get';
    await this.#recorder.call({ by, key: Uint8Array.of(number), kind, timeoutMs });
  }

  #sleep(durationMs: number): Promise<undefined> {
    const { time } = this.#cluster;
    return new Promise((resolve) => {
      time.at(time.nowMs + durationMs, () => resolve(undefined));
    });
  }
}

const flushMsMax = 25;
const networkMsMax = 8;
