import {
  type ConsistencyLevel,
  consistencyLevels,
} from '../../src/consistency/consistency-level.ts';
import { CallRecorder, type WantedCall } from '../support/call-recorder.ts';
import type { SimulatedCluster } from '../support/simulated-cluster.ts';
import type { SeededRandom } from '../support/simulated-time.ts';
import type { Profile } from './profile.ts';

/** Clients of all levels on few keys, and calls that did not end in time. */
export class Clients {
  readonly recorder: CallRecorder;
  readonly late: string[] = [];
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  readonly #profile: Profile;

  constructor(cluster: SimulatedCluster, random: SeededRandom, profile: Profile) {
    this.recorder = new CallRecorder(cluster, { giveUpMs: lateMs });
    this.#cluster = cluster;
    this.#random = random;
    this.#profile = profile;
  }

  /** Settles when all clients have made their last call. */
  async run(): Promise<void> {
    const endMs = this.#cluster.time.nowMs + this.#profile.durationMs;
    const clients = Array.from({ length: this.#profile.clients }, (_, index) =>
      this.#client(`c${index}`, endMs),
    );
    await Promise.all(clients);
  }

  /** Reads every key through every node. At ALL it leaves the replicas equal in every mode. */
  async readAll(level: ConsistencyLevel): Promise<void> {
    const wanted = { client: 'last', kind: 'get', level, timeoutMs: 5_000 } as const;
    for (const by of this.#cluster.names) {
      for (const key of this.#profile.keys) {
        await this.#call({ ...wanted, by, key: Uint8Array.of(key) });
      }
    }
  }

  async #client(client: string, endMs: number): Promise<void> {
    const { time, names } = this.#cluster;
    const random = this.#random;
    for (;;) {
      await this.#rest(random.below(this.#profile.restMsMax));
      if (time.nowMs >= endMs) return;
      const up = names.filter((node) => this.#cluster.isUp(node));
      if (up.length > 0) await this.#call(this.#plan(client, random.pick(up)));
    }
  }

  #plan(client: string, by: string): WantedCall {
    const random = this.#random;
    const { keys, timeoutsMs, isMixed, writes, deletes, expiring, ttlMsMax } = this.#profile;
    const isWrite = random.fraction() < writes;
    const kind = isWrite ? (random.fraction() < deletes ? 'delete' : 'put') : 'get';
    const isExpiring = kind === 'put' && random.fraction() < expiring;
    return {
      client,
      by,
      kind,
      key: Uint8Array.of(random.pick(keys)),
      level: isMixed ? random.pick(consistencyLevels) : random.pick(linearizableLevels),
      timeoutMs: random.pick(timeoutsMs),
      ttlMs: isExpiring ? 1 + random.below(ttlMsMax) : undefined,
    };
  }

  async #call(wanted: WantedCall): Promise<void> {
    const { by } = wanted;
    const host = this.#cluster.host(by);
    const { pauses } = host;
    const { kind, level, startMs, endMs } = await this.recorder.call(wanted);
    const wasHeldUp = host.isDead || host.pauses !== pauses || host.isPaused;
    if (endMs !== undefined || wasHeldUp) return;
    this.late.push(`a ${kind} at ${level} through ${by} from ${startMs} on`);
  }

  #rest(durationMs: number): Promise<undefined> {
    const { time } = this.#cluster;
    return new Promise((resolve) => time.at(time.nowMs + durationMs, () => resolve(undefined)));
  }
}

const linearizableLevels: readonly ConsistencyLevel[] = ['QUORUM', 'QUORUM', 'QUORUM', 'ALL'];
/** No promise outlives its deadline by more. */
const lateMs = 100;
