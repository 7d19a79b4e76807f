import { formatHex } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import {
  type ConsistencyLevel,
  consistencyLevels,
} from '../../src/consistency/consistency-level.ts';
import { formatVersion, type Version } from '../../src/record/version.ts';
import type { Value } from '../../src/record/versioned-value.ts';
import type { Call } from '../checkers/history.ts';
import { type SimulatedCluster, textOf, textValue } from '../support/simulated-cluster.ts';
import { realtimeStartMs, type SeededRandom } from '../support/simulated-time.ts';
import type { Profile } from './profile.ts';

/** Clients of all levels on few keys, what they heard, and calls that did not end in time. */
export class Clients {
  readonly calls: Call[] = [];
  readonly late: string[] = [];
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  readonly #profile: Profile;
  #texts = 0;

  constructor(cluster: SimulatedCluster, random: SeededRandom, profile: Profile) {
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
    for (const node of this.#cluster.names) {
      for (const key of this.#profile.keys) {
        const planned = { node, key: Uint8Array.of(key), level, timeoutMs: 5_000 } as const;
        await this.#call('last', { ...planned, kind: 'get', ttlMs: undefined });
      }
    }
  }

  async #client(name: string, endMs: number): Promise<void> {
    const { time, names } = this.#cluster;
    const random = this.#random;
    for (;;) {
      await this.#rest(random.below(this.#profile.restMsMax));
      if (time.nowMs >= endMs) return;
      const up = names.filter((node) => this.#cluster.isUp(node));
      if (up.length === 0) continue;
      await this.#call(name, this.#plan(random.pick(up)));
    }
  }

  #plan(node: string): Planned {
    const random = this.#random;
    const { keys, timeoutsMs, isMixed, writes, deletes, expiring, ttlMsMax } = this.#profile;
    const isWrite = random.fraction() < writes;
    const kind = isWrite ? (random.fraction() < deletes ? 'delete' : 'put') : 'get';
    const isExpiring = kind === 'put' && random.fraction() < expiring;
    return {
      node,
      kind,
      key: Uint8Array.of(random.pick(keys)),
      level: isMixed ? random.pick(consistencyLevels) : random.pick(linearizableLevels),
      timeoutMs: random.pick(timeoutsMs),
      ttlMs: isExpiring ? 1 + random.below(ttlMsMax) : undefined,
    };
  }

  async #call(client: string, planned: Planned): Promise<void> {
    const { time } = this.#cluster;
    const { node, key, kind, level, timeoutMs, ttlMs } = planned;
    const host = this.#cluster.host(node);
    const startMs = time.nowMs;
    const pauses = host.pauses;
    const text = kind === 'put' ? `${this.#texts++}` : undefined;
    const call = { client, key: formatHex(key), kind, level, startMs };
    const expiry =
      ttlMs === undefined ? {} : { expireTimeMs: host.realtimeMs() - realtimeStartMs + ttlMs };
    const ended = await Promise.race([
      this.#ask(planned, text && textValue(text)),
      this.#rest(timeoutMs + lateMs),
    ]);
    const wasHeldUp = host.isDead || host.pauses !== pauses || host.isPaused;
    if (ended === undefined || host.isDead) {
      if (!wasHeldUp) this.late.push(`a ${kind} at ${level} through ${node} from ${startMs} on`);
      const outcome = kind === 'get' ? 'failed' : 'uncertain';
      this.calls.push({ ...call, ...expiry, endMs: undefined, outcome, text, version: '' });
      return;
    }
    const end = { ...call, endMs: time.nowMs, version: formatVersion(ended.version) };
    if (ended.error !== undefined) {
      const outcome = ended.error.mayHaveApplied ? 'uncertain' : 'failed';
      this.calls.push({ ...end, ...expiry, outcome, text });
    } else if (kind === 'get') {
      const { expireTimeMs } = ended;
      const found =
        expireTimeMs === undefined ? {} : { expireTimeMs: expireTimeMs - realtimeStartMs };
      this.calls.push({ ...end, ...found, outcome: 'ok', text: ended.text });
    } else this.calls.push({ ...end, ...expiry, outcome: 'ok', text });
  }

  async #ask({ node, kind, key, level, timeoutMs, ttlMs }: Planned, value: Value | undefined | '') {
    const { coordinator } = this.#cluster.engine(node);
    const request = { key, level, timeoutMs, isExplained: false };
    const nothing: Heard = {
      version: undefined,
      text: undefined,
      expireTimeMs: undefined,
      error: undefined,
    };
    try {
      if (kind === 'get') {
        const { record, expireTimeMs } = await coordinator.get(request);
        const text = record?.value && textOf(record.value);
        return { ...nothing, version: record?.version, text, expireTimeMs };
      }
      const written = value === '' ? undefined : value;
      const { version } = await coordinator.write({ ...request, value: written, ttlMs });
      return { ...nothing, version };
    } catch (error: unknown) {
      return { ...nothing, error: QuorateError.from(error) };
    }
  }

  #rest(durationMs: number): Promise<undefined> {
    const { time } = this.#cluster;
    return new Promise((resolve) => time.at(time.nowMs + durationMs, () => resolve(undefined)));
  }
}

interface Planned {
  readonly node: string;
  readonly kind: Call['kind'];
  readonly key: Uint8Array;
  readonly level: ConsistencyLevel;
  readonly timeoutMs: number;
  readonly ttlMs: number | undefined;
}

interface Heard {
  readonly version: Version | undefined;
  readonly text: string | undefined;
  readonly expireTimeMs: number | undefined;
  readonly error: QuorateError | undefined;
}

const linearizableLevels: readonly ConsistencyLevel[] = ['QUORUM', 'QUORUM', 'QUORUM', 'ALL'];
/** No promise outlives its deadline by more. */
const lateMs = 100;
