/** One typed client while its nodes are killed and started again. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { QuorateClient, QuorateError } from '../../src/client/typed/index.ts';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';

const keys = Array.from({ length: 32 }, (_, index) => index * 8);

/** Writes growing numbers to each key, one after the other, and reads them back. */
class Load {
  readonly #client: QuorateClient;
  /** Of each key the number that must be there, and those that may be. */
  readonly #acknowledged = new Map<number, number>();
  readonly #uncertain = new Map<number, number[]>();
  readonly failedReads: QuorateError[] = [];
  readonly failedWrites: QuorateError[] = [];
  readonly wrong: string[] = [];
  rounds = 0;
  #isStopping = false;
  readonly #workers: Promise<unknown>;

  constructor(client: QuorateClient) {
    this.#client = client;
    this.#workers = Promise.all(keys.map((key) => this.#work(key)));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#workers;
  }

  async #work(key: number): Promise<void> {
    for (let number = 1; !this.#isStopping; number++) {
      await this.#write(key, number);
      await this.#read(key);
      this.rounds++;
    }
  }

  async #write(key: number, number: number): Promise<void> {
    try {
      await this.#client.put(key, String(number));
      this.#acknowledged.set(key, number);
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      this.failedWrites.push(error);
      if (!error.mayHaveApplied) return;
      this.#uncertain.set(key, [...(this.#uncertain.get(key) ?? []), number]);
    }
  }

  async #read(key: number): Promise<void> {
    try {
      const number = Number((await this.#client.get(key)) ?? 0);
      const acknowledged = this.#acknowledged.get(key) ?? 0;
      const maybe = this.#uncertain.get(key) ?? [];
      // An uncertain write may come late, but none that was never made, and nothing acknowledged goes.
      if (number === acknowledged || maybe.includes(number)) return;
      this.wrong.push(`key ${key} has ${number}, and ${acknowledged} was acknowledged`);
    } catch (error: unknown) {
      this.failedReads.push(QuorateError.from(error));
    }
  }
}

describe('the typed client over nodes that die', () => {
  let cluster: ProcessCluster;
  let client: QuorateClient;

  before(async () => {
    cluster = await startCluster({ isDurable: true });
    client = await QuorateClient.connect(`quorate://${cluster.address('replica0')}?timeout=10s`);
  });

  after(async () => {
    await client?.close();
    await cluster.stop();
  });

  it('answers all reads, and is wrong about no write', async () => {
    const load = new Load(client);
    const rounds = async (more: number) => {
      const enough = load.rounds + more;
      await until(`${more} more rounds`, () => load.rounds >= enough, 20_000);
    };
    try {
      await rounds(100);
      for (const name of ['replica1', 'replica0']) {
        await cluster.kill(name);
        await rounds(150);
        await cluster.restart(name);
        await cluster.untilMet();
      }
      await rounds(100);
    } finally {
      await load.stop();
    }
    assert.deepEqual(load.wrong, []);
    assert.deepEqual(load.failedReads, []);
    assert.ok(load.failedWrites.length <= 2 * keys.length, `${load.failedWrites.length} failed`);
    for (const { code, mayHaveApplied } of load.failedWrites) assert.ok(mayHaveApplied, code);
  });

  it('finds them again after all have gone, when they come back the other way round', async () => {
    await Promise.all(keys.map((key) => client.put(key, `value ${key}`)));
    await Promise.all(cluster.names.map((name) => cluster.kill(name)));
    await assert.rejects(client.put(7, 'x', { timeoutMs: 300 }), QuorateError);
    const waiting = client.get(8, { timeoutMs: 20_000 });
    for (const name of [...cluster.names].reverse()) await cluster.restart(name);
    assert.equal(await waiting, 'value 8');
    await cluster.untilMet();
    const values = await Promise.all(keys.map((key) => client.get(key)));
    assert.deepEqual(
      values,
      keys.map((key) => `value ${key}`),
    );
    await until('each node coordinates again', async () => {
      const read = (key: number) => client.getEntry(key, { explain: true });
      const entries = await Promise.all(keys.map(read));
      return new Set(entries.map(({ explanation }) => explanation?.coordinator)).size === 4;
    });
  });
});
