import { QuorateError } from '../../src/base/quorate-error.ts';
import { QuorateClient } from '../../src/client/typed/quorate-client.ts';
import { type Caller, outcomeOf, type Told, type Wish, wordsOf } from './caller.ts';

/** As applications do it: the published client finds the nodes, and knows what to try again. */
export class TypedCaller implements Caller {
  readonly #clients: readonly QuorateClient[];
  #calls = 0;

  private constructor(clients: readonly QuorateClient[]) {
    this.#clients = clients;
  }

  static async connect(
    addresses: readonly string[],
    { clients, timeoutMs }: { readonly clients: number; readonly timeoutMs: number },
  ): Promise<TypedCaller> {
    const target = `quorate://${addresses.join(',')}`;
    const connected = Array.from({ length: clients }, () =>
      QuorateClient.connect(target, { timeoutMs }),
    );
    return new TypedCaller(await Promise.all(connected));
  }

  async call(wish: Wish): Promise<Told> {
    const client = this.#clients[this.#calls++ % this.#clients.length];
    const startMs = performance.now();
    try {
      const answer = await this.#send(wish, client);
      return { outcome: 'ok', startMs, ...answer, errors: [] };
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      return { outcome: outcomeOf(error, wish), startMs, errors: [wordsOf(error)] };
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #send({ kind, key, text, level: consistency }: Wish, client: QuorateClient | undefined) {
    if (client === undefined) throw new Error('there is no client');
    if (kind === 'put') return { version: (await client.put(key, text, { consistency })).version };
    if (kind === 'delete') return { version: (await client.delete(key, { consistency })).version };
    const { value, version } = await client.getEntry(key, { consistency });
    return { text: value, version };
  }
}
