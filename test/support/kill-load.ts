import { setTimeout as sleep } from 'node:timers/promises';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { NodeClient } from '../../src/client/node-client.ts';
import { type ProcessCluster, until } from './processes.ts';
import type { SeededRandom } from './simulated-time.ts';
import { WriteLedger, type Written } from './write-ledger.ts';

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
  readonly ledger = new WriteLedger();
  /** What is wrong with acknowledgements and reads, a sentence each. */
  readonly problems: string[] = [];
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

  async #checkKey(key: Uint8Array): Promise<void> {
    const name = nameOf(key);
    let last: unknown;
    for (let tries = 0; tries < 20; tries++) {
      try {
        const { value, version } = await this.#someClient().get(key);
        const text = value?.kind === 'text' ? value.text : undefined;
        const problem = this.ledger.judge(name, { version, text });
        if (problem !== undefined) this.problems.push(problem);
        return;
      } catch (error: unknown) {
        last = error;
        await sleep(100);
      }
    }
    throw new Error(`${name} cannot be read`, { cause: last });
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
    const key = this.#random.pick(keys);
    const text = `${this.#sequence++}${'.'.repeat(this.#random.below(500))}`;
    const isDelete = this.#random.below(5) === 0;
    const written: Written = { key: nameOf(key), text: isDelete ? undefined : text };
    const client = this.#someClient();
    try {
      const put = isDelete ? client.delete(key) : client.put(key, { kind: 'text', text });
      const problem = this.ledger.acknowledge(written, (await put).version);
      if (problem !== undefined) this.problems.push(problem);
    } catch (error: unknown) {
      const { mayHaveApplied } = QuorateError.from(error);
      if (mayHaveApplied) this.ledger.doubt(written);
      else this.ledger.refuse();
      await sleep(10);
    }
  }

  #someClient(): NodeClient {
    const up = [...this.#clients].filter(([name]) => !this.#down.has(name));
    return this.#random.pick(up)[1];
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('hex');
}
