import {
  type ConsistencyLevel,
  defaultConsistencyLevel,
} from '../../consistency/consistency-level.ts';
import { SystemClock } from '../../runtime/system-clock.ts';
import { SystemRandom } from '../../runtime/system-random.ts';
import { timeoutMsDefault } from '../call-times.ts';
import { NodeClient } from '../node-client.ts';
import { CallingView } from './calling-view.ts';
import { Calls } from './calls.ts';
import { checkLevel, checkTimeout } from './checked-options.ts';
import { type Codec, text } from './codec.ts';
import { parseConnectionString } from './connection-string.ts';
import type { Key, KeyEntry, KeyView, Written } from './key-view.ts';
import { openSeeds } from './open-seeds.ts';
import type {
  CallOptions,
  ConnectOptions,
  ExplainOptions,
  PutOptions,
  ViewOptions,
} from './options.ts';

const connectTimeoutMsDefault = 5_000;
/** A node that was asked who it is has this long for the answer. */
const describeMsMax = 2_000;

/**
 * A client of a cluster. Calls that are made together travel together, each goes to a node that has
 * the key, and those that a node fails go to another one where that is safe. Its own values are
 * text; {@link QuorateClient.view} gives those of other types.
 */
export class QuorateClient implements KeyView<string>, AsyncDisposable {
  readonly #calls: Calls;
  readonly #options: { readonly consistency: ConsistencyLevel; readonly timeoutMs: number };
  readonly #texts: KeyView<string>;

  private constructor(calls: Calls, options: ConnectOptions) {
    this.#calls = calls;
    this.#options = {
      consistency: options.consistency ?? defaultConsistencyLevel,
      timeoutMs: options.timeoutMs ?? timeoutMsDefault,
    };
    this.#texts = this.view(text);
  }

  /**
   * Connects to a cluster, and waits until a node of it takes calls.
   *
   * @param target some nodes of it, as `quorate://host:port,host:port`, or the ZooKeeper that knows
   *   them, as `zookeeper://host:port,host:port/root`; options may follow as
   *   `?consistency=quorum&timeout=2s`.
   * @param options come before those in the target.
   * @throws QuorateError CONFIGURATION if the target or an option is wrong, NO_COORDINATOR if no
   *   node takes calls in time.
   */
  static async connect(target: string, options: ConnectOptions = {}): Promise<QuorateClient> {
    const parsed = parseConnectionString(target);
    const all = { ...parsed.options, ...definedOf(options) };
    if (all.consistency !== undefined) checkLevel(all.consistency);
    if (all.timeoutMs !== undefined) checkTimeout(all.timeoutMs);
    const machine = { clock: new SystemClock(), random: new SystemRandom() };
    const seeds = await openSeeds(machine, parsed.seeds);
    const open = (address: string) => new NodeClient(address, { timeoutMs: describeMsMax });
    const calls = new Calls(
      { ...machine, seeds, open },
      {
        coordinator: all.coordinator,
        isPipelining: all.pipelining ?? true,
        isHedging: all.hedging ?? true,
      },
    );
    try {
      await calls.connect(all.connectTimeoutMs ?? connectTimeoutMsDefault);
    } catch (error: unknown) {
      await calls.close();
      throw error;
    }
    return new QuorateClient(calls, all);
  }

  /**
   * The keys that begin with a prefix, with values of one type.
   *
   *     const users = client.view(json<User>(), { prefix: 'user:' });
   *     await users.put('42', { name: 'Ada' });   // the key "user:42"
   */
  view<T>(codec: Codec<T>, options: ViewOptions = {}): KeyView<T> {
    const { prefix = '', consistency, timeoutMs } = options;
    return new CallingView(this.#calls, {
      codec,
      prefix,
      consistency: consistency === undefined ? this.#options.consistency : checkLevel(consistency),
      timeoutMs: timeoutMs === undefined ? this.#options.timeoutMs : checkTimeout(timeoutMs),
    });
  }

  get(key: Key, options?: CallOptions): Promise<string | undefined> {
    return this.#texts.get(key, options);
  }

  getEntry(key: Key, options?: ExplainOptions): Promise<KeyEntry<string>> {
    return this.#texts.getEntry(key, options);
  }

  put(key: Key, value: string, options?: PutOptions): Promise<Written> {
    return this.#texts.put(key, value, options);
  }

  delete(key: Key, options?: ExplainOptions): Promise<Written> {
    return this.#texts.delete(key, options);
  }

  /** Takes no more calls, waits for those that are open, and leaves; `await using` does it too. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Options that are not `undefined`: those do not hide what the target says. */
function definedOf(options: ConnectOptions): ConnectOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
