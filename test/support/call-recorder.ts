import { formatHex } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { ConsistencyLevel } from '../../src/consistency/consistency-level.ts';
import { formatVersion } from '../../src/record/version.ts';
import { callsByKey, problemsOf } from '../checkers/check-history.ts';
import type { Call } from '../checkers/history.ts';
import { type HeldCopy, lossesIn } from '../checkers/survival.ts';
import { type SimulatedCluster, textOf, textValue } from './simulated-cluster.ts';

/** A call to be made through a node that is up. */
export interface WantedCall {
  readonly by: string;
  readonly key: Uint8Array;
  readonly kind: Call['kind'];
  readonly timeoutMs: number;
  /** QUORUM by default. */
  readonly level?: ConsistencyLevel;
}

type Heard = Pick<Call, 'outcome' | 'version' | 'text'>;

/** Makes calls to a simulated cluster, each put with a text of its own, and keeps their history. */
export class CallRecorder {
  readonly calls: Call[] = [];
  readonly #cluster: SimulatedCluster;
  #sequence = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
  }

  /** Settles with what the client heard, or soon after the deadline if its node is gone. */
  async call(wanted: WantedCall): Promise<Call> {
    const { by, kind, level = 'QUORUM', timeoutMs } = wanted;
    const { time } = this.#cluster;
    const host = this.#cluster.host(by);
    const text = kind === 'put' ? `${this.#sequence++}` : undefined;
    const begun = { client: by, key: formatHex(wanted.key), kind, level, startMs: time.nowMs };
    const heard = await new Promise<Heard | undefined>((resolve, reject) => {
      const giveUp = time.at(time.nowMs + timeoutMs + 1_000, () => resolve(undefined));
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
    const losses = [...callsByKey(this.calls)].flatMap(([key, calls]) =>
      lossesIn(calls, this.#copiesOf(Buffer.from(key, 'hex')), {
        atMs: this.#cluster.time.nowMs,
      }).map((loss) => `key ${key}: ${loss}`),
    );
    return [...problemsOf(this.calls), ...losses];
  }

  #copiesOf(key: Uint8Array): HeldCopy[] {
    return this.#cluster.replicasOf(key).map((node) => {
      const record = this.#cluster.engine(node).storage.get(key);
      const text = record?.value && textOf(record.value);
      return { node, version: formatVersion(record?.version), text };
    });
  }

  async #ask(
    { by, key, kind, level = 'QUORUM', timeoutMs }: WantedCall,
    text: string | undefined,
  ): Promise<Heard> {
    const { coordinator } = this.#cluster.engine(by);
    const request = { key, level, timeoutMs, isExplained: false };
    try {
      if (kind === 'get') {
        const { record } = await coordinator.get(request);
        const version = formatVersion(record?.version);
        return { outcome: 'ok', version, text: record?.value && textOf(record.value) };
      }
      const value = text === undefined ? undefined : textValue(text);
      const { version } = await coordinator.write({ ...request, value });
      return { outcome: 'ok', version: formatVersion(version), text };
    } catch (error: unknown) {
      const isUncertain = kind !== 'get' && QuorateError.from(error).mayHaveApplied;
      return { outcome: isUncertain ? 'uncertain' : 'failed', version: '', text };
    }
  }
}
