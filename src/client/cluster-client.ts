import { QuorateError, type QuorateErrorCode } from '../base/quorate-error.ts';
import type { NodeAddress } from '../ring/node-address.ts';
import type { KeySpelling } from '../wire/key-form.ts';
import type { PlainValue } from '../wire/value-form.ts';
import type { EntryAnswer } from './answers.ts';
import type {
  CoordinatorClient,
  CoordinatorFinder,
  FoundCoordinator,
  LeftNode,
} from './coordinator-finder.ts';
import type { CallOptions, ListEntriesOptions, PutOptions } from './node-client.ts';

/**
 * A client of a cluster: the calls of {@link NodeClient} through one coordinator, and through
 * another when that one fails.
 *
 * What was sent is sent again only if it is certain that it had no effect: the connection could not
 * be made, or the node said so. A write whose outcome is uncertain ends with that, and the next
 * call goes through another node.
 */
export type OnMoved = (left: readonly LeftNode[], to: NodeAddress) => void;

export interface ClusterClientOptions {
  /** How long to look for a coordinator. */
  readonly timeoutMs: number;
  /** Told of each new coordinator, and of those that failed since the last one, if any. */
  readonly onMoved?: OnMoved;
}

/** Errors that are of one node and leave nothing behind: another may do it. */
const ofOneNode: readonly QuorateErrorCode[] = [
  'CONNECTION_FAILED',
  'NODE_NOT_READY',
  'CLOCK_SKEW',
];
/** A connection that was good before is made again quickly, or not at all. */
const reconnectMsMax = 500;

/** A coordinator, with the calls that are on their way through it. */
interface Coordinator extends FoundCoordinator {
  calls: number;
  isLeft: boolean;
}

export class ClusterClient implements CoordinatorClient {
  readonly #finder: CoordinatorFinder;
  readonly #options: ClusterClientOptions;
  #current: Coordinator | undefined;
  #finding: Promise<Coordinator> | undefined;
  #left: LeftNode[] = [];
  #isClosed = false;

  constructor(finder: CoordinatorFinder, options: ClusterClientOptions) {
    this.#finder = finder;
    this.#options = options;
  }

  /** Finds a coordinator, which the first call does otherwise. @throws QuorateError NO_COORDINATOR */
  async connect(): Promise<void> {
    await this.#connected();
  }

  get(key: KeySpelling, options?: CallOptions) {
    return this.#call((client) => client.get(key, options));
  }

  put(key: KeySpelling, value: PlainValue, options?: PutOptions) {
    return this.#call((client) => client.put(key, value, options));
  }

  delete(key: KeySpelling, options?: CallOptions) {
    return this.#call((client) => client.delete(key, options));
  }

  locate(key: KeySpelling) {
    return this.#call((client) => client.locate(key));
  }

  describeCluster() {
    return this.#call((client) => client.describeCluster());
  }

  listHints() {
    return this.#call((client) => client.listHints());
  }

  dropHints(node: string) {
    return this.#call((client) => client.dropHints(node));
  }

  /** What the coordinator itself holds; once a part has come, an error ends the list. */
  async *listEntries(options?: ListEntriesOptions): AsyncIterable<EntryAnswer> {
    const coordinator = await this.#connected();
    coordinator.calls++;
    try {
      yield* coordinator.client.listEntries(options);
    } catch (error: unknown) {
      this.#judge(coordinator, QuorateError.from(error));
      throw error;
    } finally {
      this.#release(coordinator);
    }
  }

  /** Ends the connection; calls in flight end with CANCELLED or UNAVAILABLE. */
  close(): void {
    this.#isClosed = true;
    this.#current?.client.close();
  }

  async #call<Result>(send: (client: CoordinatorClient) => Promise<Result>): Promise<Result> {
    const tried = new Set<string>();
    for (;;) {
      const coordinator = await this.#connected();
      coordinator.calls++;
      try {
        return await send(coordinator.client);
      } catch (thrown: unknown) {
        const error = QuorateError.from(thrown);
        const wasTried = tried.has(coordinator.node.name);
        if (this.#judge(coordinator, error) !== 'try another' || wasTried) throw error;
        tried.add(coordinator.node.name);
      } finally {
        this.#release(coordinator);
      }
    }
  }

  /** Decides what an error means for the coordinator, and for the call. */
  #judge(coordinator: Coordinator, error: QuorateError): 'try another' | 'give up' {
    const { code, mayHaveApplied, details } = error;
    const isItsOwn = ofOneNode.includes(code);
    // Its own timeouts count answers: without that it has said nothing.
    const isSilent = code === 'READ_TIMEOUT' && !('required' in details);
    if (isItsOwn || isSilent || mayHaveApplied) this.#leave(coordinator, error);
    return isItsOwn && !mayHaveApplied ? 'try another' : 'give up';
  }

  /** A coordinator with a connection. */
  async #connected(): Promise<Coordinator> {
    const current = this.#current;
    if (current !== undefined) {
      try {
        await current.client.connect(Math.min(this.#options.timeoutMs, reconnectMsMax));
        return current;
      } catch (error: unknown) {
        this.#leave(current, QuorateError.from(error));
      }
    }
    // Calls that come together look for one coordinator together.
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  async #find(): Promise<Coordinator> {
    // Calls that came late may have been moved already.
    if (this.#current !== undefined) return this.#current;
    if (this.#isClosed) throw closed();
    const found = await this.#finder.find(this.#options.timeoutMs, this.#left);
    if (this.#isClosed) {
      found.client.close();
      throw closed();
    }
    const coordinator: Coordinator = { ...found, calls: 0, isLeft: false };
    this.#current = coordinator;
    this.#options.onMoved?.(this.#left, found.node);
    this.#left = [];
    return coordinator;
  }

  #leave(coordinator: Coordinator, error: QuorateError): void {
    if (coordinator.isLeft || this.#isClosed) return;
    coordinator.isLeft = true;
    this.#current = undefined;
    this.#finder.avoid(coordinator.node);
    this.#left.push({ node: coordinator.node, error });
    if (coordinator.calls === 0) coordinator.client.close();
  }

  /** Other calls through a coordinator that was left may still end well: the last one closes it. */
  #release(coordinator: Coordinator): void {
    coordinator.calls--;
    if (coordinator.isLeft && coordinator.calls === 0) coordinator.client.close();
  }
}

function closed(): QuorateError {
  return new QuorateError('CANCELLED', { mayHaveApplied: false }, 'the client is closed');
}
