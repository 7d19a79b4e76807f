import { bytesToMapKey } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { RepairMode } from '../../src/consistency/repair-mode.ts';
import { formatVersion, type Version } from '../../src/record/version.ts';
import { SimulatedCluster, textOf, textValue } from './simulated-cluster.ts';
import { backwardsIn, type Observation } from './version-order.ts';

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
  readonly #observations = new Map<number, Observation[]>();
  /** By key and version the text that was acknowledged or seen under it. */
  readonly #texts = new Map<string, string | undefined>();
  readonly problems: string[] = [];
  acknowledged = 0;
  uncertain = 0;
  reads = 0;
  #sequence = 0;
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
    this.#checkReplicas();
    for (const key of keys) {
      this.problems.push(...backwardsIn(this.#observations.get(key) ?? []));
    }
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

  async #call(by: string, key: number, isWrite: boolean): Promise<void> {
    if (!this.#cluster.isUp(by)) return;
    const { time } = this.#cluster;
    const startMs = time.nowMs;
    const text = this.#cluster.random.below(5) === 0 ? undefined : `${this.#sequence++}`;
    const host = this.#cluster.host(by);
    const answer = isWrite ? this.#write(by, key, text) : this.#read(by, key);
    // A call of a node that is gone never ends.
    const seen = await Promise.race([answer, this.#sleep(timeoutMs + 200)]);
    // What a dead node would have answered, nobody has heard.
    if (seen === undefined || host.isDead) {
      if (isWrite && seen !== 'refused') this.uncertain++;
      return;
    }
    if (seen === 'refused') return;
    this[isWrite ? 'acknowledged' : 'reads']++;
    const { version } = seen;
    const kind = isWrite ? 'write' : 'read';
    const observations = this.#observations.get(key) ?? [];
    observations.push({ startMs, endMs: time.nowMs, kind, version, by });
    this.#observations.set(key, observations);
    this.#checkText(Uint8Array.of(key), version, seen.text);
  }

  async #write(by: string, key: number, text: string | undefined): Promise<Seen | undefined> {
    const value = text === undefined ? undefined : textValue(text);
    try {
      const write = this.#cluster.startWrite(by, key, value, 'QUORUM', timeoutMs);
      return { version: (await write).version, text };
    } catch (error: unknown) {
      return QuorateError.from(error).mayHaveApplied ? undefined : 'refused';
    }
  }

  async #read(by: string, key: number): Promise<Seen | undefined> {
    try {
      const { record } = await this.#cluster.startRead(by, key, 'QUORUM', timeoutMs);
      return { version: record?.version, text: record?.value && textOf(record.value) };
    } catch {
      return 'refused';
    }
  }

  #checkText(key: Uint8Array, version: Version | undefined, text: string | undefined): void {
    if (version === undefined) return;
    const name = `${bytesToMapKey(key)} ${formatVersion(version)}`;
    const other = this.#texts.get(name);
    if (this.#texts.has(name) && other !== text) {
      this.problems.push(`version ${formatVersion(version)} stands for ${other} and ${text}`);
    }
    this.#texts.set(name, text);
  }

  /** All replicas of a key hold the same version of it, with the same text. */
  #checkReplicas(): void {
    for (const key of keys.map((number) => Uint8Array.of(number))) {
      const held = this.#cluster
        .replicasOf(key)
        .map((node) => this.#cluster.engine(node).storage.get(key));
      for (const record of held) {
        this.#checkText(key, record?.version, record?.value && textOf(record.value));
      }
      const versions = held.map((record) => record && formatVersion(record.version));
      if (new Set(versions).size > 1) {
        this.problems.push(`the replicas of ${key} hold ${versions.join(', ')}`);
      }
    }
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

type Seen =
  | { readonly version: Version | undefined; readonly text: string | undefined }
  | 'refused';
