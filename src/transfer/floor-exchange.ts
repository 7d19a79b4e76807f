import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { ReplicaReply } from '../record/replica-messages.ts';
import { laterClock } from '../record/version.ts';
import { FloorClocks } from '../ring/floor-clocks.ts';
import type { Token } from '../ring/partitioner.ts';
import type { Ring } from '../ring/ring.ts';
import type { Clock } from '../runtime/clock.ts';
import type { TokenFloors } from '../storage/token-floors.ts';

/**
 * Compares the floors of this node with those of the others when they can be reached.
 *
 * No replica raises a floor before all of them have sealed it on their disks. So a floor that is
 * above the own seal says that the own disk is not the one that sealed: an old copy, which may hold
 * what was deleted and purged since. A node that begins without data takes the floors of the others
 * over instead.
 */
export interface FloorExchangeComponents {
  readonly clock: Clock;
  readonly floors: TokenFloors;
  readonly replicas: ReplicaDirectory;
  readonly ring: Ring;
  readonly onOutdated: () => void;
}

export interface FloorExchangeOptions {
  readonly node: string;
  /** Whether this node takes floors over now, for it has lost its own. */
  readonly isAdopting: () => boolean;
}

const requestTimeoutMs = 10_000;

export class FloorExchange {
  readonly #components: FloorExchangeComponents;
  readonly #options: FloorExchangeOptions;
  readonly #unknown: Set<string>;

  constructor(components: FloorExchangeComponents, options: FloorExchangeOptions) {
    this.#components = components;
    this.#options = options;
    const { ring } = components;
    const peers = ring.nodes.filter((peer) => this.#shared(peer).length > 0);
    this.#unknown = new Set(peers.filter((peer) => peer !== options.node));
  }

  /** Whether the floors of all other replicas of the own tokens were seen by this process. */
  get knowsAll(): boolean {
    return this.#unknown.size === 0;
  }

  /** Learns the floors of a peer; `undefined` if it does not answer. */
  async ask(peer: string): Promise<FloorClocks | undefined> {
    const { clock, replicas } = this.#components;
    const deadlineMs = clock.monotonicMs() + requestTimeoutMs;
    const reply = await new Promise<ReplicaReply>((resolve) => {
      replicas.clientOf(peer).send({ operation: 'read-floors' }, deadlineMs, resolve);
    });
    if (reply.outcome !== 'floors') return undefined;
    const theirs = FloorClocks.fromBytes(reply.floors);
    try {
      await this.#learn(peer, theirs);
    } catch {
      // The disk is full or has failed, which is told elsewhere.
      return undefined;
    }
    return theirs;
  }

  async #learn(peer: string, theirs: FloorClocks): Promise<void> {
    const { floors, onOutdated } = this.#components;
    const higher = this.#shared(peer).filter((token) => theirs.of(token) > floors.sealOf(token));
    if (this.#options.isAdopting()) {
      const tokens = this.#shared(peer);
      await Promise.all([
        floors.seal(tokens, (token) => laterClock(theirs.of(token), floors.sealOf(token))),
        floors.raise(tokens, (token) => theirs.of(token)),
      ]);
    } else if (higher.length > 0) onOutdated();
    this.#unknown.delete(peer);
  }

  /** The tokens that this node and a peer both hold. */
  #shared(peer: string): readonly Token[] {
    const { ring } = this.#components;
    const own = ring.tokensHeld(this.#options.node).tokens();
    return own.filter((token) => ring.holds(peer, token));
  }
}
