import { formatHex } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import { formatVersion } from '../../src/record/version.ts';
import { callsByKey, problemsOf } from '../checkers/check-history.ts';
import type { Call } from '../checkers/history.ts';
import { type HeldCopy, lossesIn, type SurvivalOptions } from '../checkers/survival.ts';
import { type SimulatedCluster, textOf, textValue } from './simulated-cluster.ts';
import { realtimeStartMs } from './simulated-time.ts';

/** A call to be made through a node that is up. */
export interface WantedCall {
  readonly by: string;
  readonly key: Uint8Array;
  readonly kind: Call['kind'];
  readonly timeoutMs: number;
  /** QUORUM by default. */
  readonly level?: ConsistencyLevel;
  /** Who makes it; the node's name by default. */
  readonly client?: string;
  /** For how long what a put writes is there. */
  readonly ttlMs?: number | undefined;
}

export interface CallRecorderOptions {
  /** How long after its deadline a call is given up as one of a node that is gone; 1 s by default. */
  readonly giveUpMs?: number;
}

type Heard = Pick<Call, 'outcome' | 'version' | 'text' | 'expireTimeMs'>;

/** Makes calls to a simulated cluster, each put with a text of its own, and keeps their history. */
export class CallRecorder {
  readonly calls: Call[] = [];
  readonly #cluster: SimulatedCluster;
  readonly #giveUpMs: number;
  #sequence = 0;

  constructor(cluster: SimulatedCluster, { giveUpMs = 1_000 }: CallRecorderOptions = {}) {
    this.#cluster = cluster;
    this.#giveUpMs = giveUpMs;
  }

  /** Settles with what the client heard, or soon after the deadline if its node is gone. */
  async call(wanted: WantedCall): Promise<Call> {
    const { by, client = by, kind, level = 'QUORUM', timeoutMs, ttlMs } = wanted;
    const { time } = this.#cluster;
    const host = this.#cluster.host(by);
    const text = kind === 'put' ? `${this.#sequence++}` : undefined;
    const expiry = expiryOf(ttlMs === undefined ? undefined : host.realtimeMs() + ttlMs);
    const key = formatHex(wanted.key);
    const begun = { client, key, kind, level, startMs: time.nowMs, ...expiry };
    const heard = await new Promise<Heard | undefined>((resolve, reject) => {
      const giveUp = time.at(time.nowMs + timeoutMs + this.#giveUpMs, () => resolve(undefined));
      this.#ask(wanted, text).then((answer) => {
        giveUp.cancel();
        resolve(answer);
      }, reject);
    });
    // What a dead node would have answered, nobody has heard.
    const isHeard = heard !== undefined && !host.isDead;
    const call: Call = {
      ...begun,
      ...(isHeard
        ? heard
        : { outcome: kind === 'get' ? 'failed' : 'uncertain', version: '', text }),
      endMs: isHeard ? time.nowMs : undefined,
    };
    this.calls.push(call);
    return call;
  }

  /** What is wrong with the history, and with what the replicas hold of it now that all is quiet. */
  problems(): string[] {
    return [...problemsOf(this.calls), ...this.losses()];
  }

  /** What the replicas hold too little of. All must run, and hold nothing that is damaged. */
  losses(options: Omit<SurvivalOptions, 'atMs'> = {}): string[] {
    const { nowMs: atMs } = this.#cluster.time;
    return [...callsByKey(this.calls)].flatMap(([key, calls]) =>
      lossesIn(calls, this.#copiesOf(Buffer.from(key, 'hex')), { ...options, atMs }).map(
        (loss) => `key ${key}: ${loss}`,
      ),
    );
  }

  #copiesOf(key: Uint8Array): HeldCopy[] {
    return this.#cluster.replicasOf(key).map((node) => {
      const record = this.#cluster.engine(node).storage.get(key);
      const text = record?.value && textOf(record.value);
      const expiry = expiryOf(record?.value?.expireTimeMs);
      return { node, version: formatVersion(record?.version), text, ...expiry };
    });
  }

  async #ask(
    { by, key, kind, level = 'QUORUM', timeoutMs, ttlMs }: WantedCall,
    text: string | undefined,
  ): Promise<Heard> {
    const { coordinator } = this.#cluster.engine(by);
    const request = { key, level, timeoutMs, isExplained: false };
    try {
      if (kind === 'get') {
        const { record, expireTimeMs } = await coordinator.get(request);
        const version = formatVersion(record?.version);
        const found = record?.value && textOf(record.value);
        return { outcome: 'ok', version, text: found, ...expiryOf(expireTimeMs) };
      }
      const value = text === undefined ? undefined : textValue(text);
      const { version } = await coordinator.write({ ...request, value, ttlMs });
      return { outcome: 'ok', version: formatVersion(version), text };
    } catch (error: unknown) {
      const isUncertain = kind !== 'get' && QuorateError.from(error).mayHaveApplied;
      return { outcome: isUncertain ? 'uncertain' : 'failed', version: '', text };
    }
  }
}

/** A time of expiry on the clock of the history; nothing where there is none. */
function expiryOf(realtimeMs: number | undefined): { readonly expireTimeMs?: number } {
  return realtimeMs === undefined ? {} : { expireTimeMs: realtimeMs - realtimeStartMs };
}
