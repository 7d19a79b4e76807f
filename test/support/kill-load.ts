import { setTimeout as sleep } from 'node:timers/promises';
import { formatHex } from '../../src/base/bytes.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import { problemsOf } from '../checkers/check-history.ts';
import type { Call } from '../checkers/history.ts';
import { type ProcessCluster, until } from './processes.ts';
import type { SeededRandom } from './simulated-time.ts';

/**
 * Puts and deletes at QUORUM through all nodes that run, each key by one writer, and the check that
 * what was acknowledged is there. Keys are spread over the whole ring.
 */
export interface KillLoadOptions {
  readonly writers: number;
  readonly keysPerWriter: number;
  readonly timeoutMs: number;
}

const writePauseMsMax = 20;

interface Writer {
  readonly keys: readonly Uint8Array[];
  /** Whether it is between two writes, and told to stay so. */
  isResting: boolean;
}

export class KillLoad {
  readonly calls: Call[] = [];
  readonly #cluster: ProcessCluster;
  readonly #random: SeededRandom;
  readonly #clients: ReadonlyMap<string, NodeClient>;
  readonly #writers: readonly Writer[];
  readonly #down = new Set<string>();
  #state: 'resting' | 'writing' | 'ended' = 'resting';
  #running: Promise<unknown> = Promise.resolve();
  #sequence = 0;

  constructor(cluster: ProcessCluster, random: SeededRandom, options: KillLoadOptions) {
    const { timeoutMs, writers, keysPerWriter } = options;
    this.#cluster = cluster;
    this.#random = random;
    this.#clients = new Map(
      cluster.names.map((name) => [name, cluster.client(name, { timeoutMs })] as const),
    );
    this.#writers = Array.from({ length: writers }, (_, writer) => ({
      keys: Array.from({ length: keysPerWriter }, (_, index) =>
        Uint8Array.of((writer * keysPerWriter + index) % 256, writer, index),
      ),
      isResting: true,
    }));
  }

  start(): void {
    this.#running = Promise.all(this.#writers.map((writer) => this.#write(writer)));
  }

  async stop(): Promise<void> {
    this.#state = 'ended';
    await this.#running;
  }

  resume(): void {
    this.#state = 'writing';
  }

  /** Settles when no write is under way. */
  async rest(): Promise<void> {
    this.#state = 'resting';
    await until('no write is under way', () => this.#writers.every(({ isResting }) => isResting));
  }

  /** Ends nodes without warning, and starts them again after a while; the load goes on. */
  async killAndRestart(names: readonly string[], afterMs: number): Promise<void> {
    // The writers leave them alone: what they cannot reach would only be uncertain.
    for (const name of names) this.#down.add(name);
    await Promise.all(names.map((name) => this.#cluster.kill(name)));
    await sleep(afterMs);
    await Promise.all(names.map((name) => this.#cluster.restart(name)));
    for (const name of names) await this.#clients.get(name)?.connect(10_000);
    this.#down.clear();
  }

  /** Reads every key at QUORUM, each through some node. No write may be under way. */
  async check(): Promise<void> {
    for (const { keys } of this.#writers) {
      await Promise.all(keys.map((key) => this.#checkKey(key)));
    }
  }

  /** What is wrong with acknowledgements and reads so far, a sentence each. */
  problems(): readonly string[] {
    return problemsOf(this.calls);
  }

  async #checkKey(key: Uint8Array): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      const { outcome } = await this.#call('get', key);
      if (outcome === 'ok') return;
      await sleep(100);
    }
    throw new Error(`${formatHex(key)} cannot be read`);
  }

  async #write(writer: Writer): Promise<void> {
    while (this.#state !== 'ended') {
      writer.isResting = this.#state === 'resting';
      if (writer.isResting || this.#down.size === this.#clients.size) {
        await sleep(5);
        continue;
      }
      await this.#writeOnce(writer);
      // What starts again meanwhile shares the machine with the load.
      await sleep(this.#random.below(writePauseMsMax));
    }
  }

  async #writeOnce({ keys }: Writer): Promise<void> {
    const kind = this.#random.below(5) === 0 ? 'delete' : 'put';
    const { outcome } = await this.#call(kind, this.#random.pick(keys));
    if (outcome !== 'ok') await sleep(10);
  }

  /** Makes a call through some node that runs, and adds it to the history. */
  async #call(kind: Call['kind'], key: Uint8Array): Promise<Call> {
    const up = [...this.#clients].filter(([name]) => !this.#down.has(name));
    const [name, client] = this.#random.pick(up);
    const text =
      kind === 'put' ? `${this.#sequence++}${'.'.repeat(this.#random.below(500))}` : undefined;
    const startMs = performance.now();
    const begun = { client: name, key: formatHex(key), kind, level: 'QUORUM', startMs } as const;
    const heard = await ask(client, key, kind, text);
    const call = { ...begun, ...heard, endMs: performance.now() };
    this.calls.push(call);
    return call;
  }
}

async function ask(
  client: NodeClient,
  key: Uint8Array,
  kind: Call['kind'],
  text: string | undefined,
): Promise<Pick<Call, 'outcome' | 'version' | 'text'>> {
  try {
    if (kind === 'get') {
      const { value, version } = await client.get(key);
      return { outcome: 'ok', version, text: value?.kind === 'text' ? value.text : undefined };
    }
    const write = text === undefined ? client.delete(key) : client.put(key, { kind: 'text', text });
    return { outcome: 'ok', version: (await write).version, text };
  } catch (error: unknown) {
    const isUncertain = kind !== 'get' && QuorateError.from(error).mayHaveApplied;
    return { outcome: isUncertain ? 'uncertain' : 'failed', version: '', text };
  }
}
