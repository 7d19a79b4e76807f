import { QuorateError } from '../../src/base/quorate-error.ts';
import { NodeClient } from '../../src/client/node-client.ts';
import { CallingView } from '../../src/client/typed/calling-view.ts';
import { Calls } from '../../src/client/typed/calls.ts';
import { text } from '../../src/client/typed/codec.ts';
import type { KeyView } from '../../src/client/typed/key-view.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { SystemRandom } from '../../src/runtime/system-random.ts';
import { type Caller, outcomeOf, type Told, type Wish, wordsOf } from './caller.ts';

export interface TypedCallerOptions {
  /** How many clients take turns; each finds out by itself which nodes are there. */
  readonly clients: number;
  readonly timeoutMs: number;
  /** Where a node really is whose address another node told: that may be a proxy for nodes. */
  readonly directOf: (address: string) => string;
}

/** As applications do it: the published client finds the nodes, and knows what to try again. */
export class TypedCaller implements Caller {
  readonly #clients: readonly { readonly calls: Calls; readonly view: KeyView<string> }[];
  #calls = 0;

  private constructor(clients: readonly Calls[], timeoutMs: number) {
    const init = { codec: text, prefix: '', consistency: 'QUORUM', timeoutMs } as const;
    this.#clients = clients.map((calls) => ({ calls, view: new CallingView(calls, init) }));
  }

  /** @param addresses some nodes, as `host:port`. */
  static async connect(
    addresses: readonly string[],
    { clients, timeoutMs, directOf }: TypedCallerOptions,
  ): Promise<TypedCaller> {
    const create = () =>
      new Calls(
        {
          clock: new SystemClock(),
          random: new SystemRandom(),
          seeds: { list: async () => addresses.map((address) => ({ address })) },
          open: (address) => new NodeClient(directOf(address), { timeoutMs }),
        },
        { coordinator: undefined, isPipelining: true, isHedging: true },
      );
    const all = Array.from({ length: clients }, create);
    await Promise.all(all.map((calls) => calls.connect(timeoutMs)));
    return new TypedCaller(all, timeoutMs);
  }

  async call(wish: Wish): Promise<Told> {
    const client = this.#clients[this.#calls++ % this.#clients.length];
    if (client === undefined) throw new Error('there is no client');
    const startMs = performance.now();
    try {
      return { outcome: 'ok', startMs, ...(await send(wish, client.view)), errors: [] };
    } catch (thrown: unknown) {
      const error = QuorateError.from(thrown);
      return { outcome: outcomeOf(error, wish), startMs, errors: [wordsOf(error)] };
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map(({ calls }) => calls.close()));
  }
}

async function send(
  { kind, key, text, level: consistency }: Wish,
  view: KeyView<string>,
): Promise<Pick<Told, 'text' | 'version'>> {
  if (kind === 'put') return { version: (await view.put(key, text, { consistency })).version };
  if (kind === 'delete') return { version: (await view.delete(key, { consistency })).version };
  const { value, version } = await view.getEntry(key, { consistency });
  return { text: value, version };
}
