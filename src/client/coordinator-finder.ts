import { QuorateError } from '../base/quorate-error.ts';
import { formatHostPort, type NodeAddress } from '../ring/node-address.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import type { NodeClient } from './node-client.ts';
import type { NodeSource } from './node-source.ts';

/**
 * Finds a coordinator: a node, taken at random, that accepts a connection.
 *
 * A dead node stays registered until its session times out, and a node that accepts connections may
 * be useless all the same. So nodes that failed are remembered, and come last, the one that failed
 * longest ago before the others. The list is read again only when all of it has failed; if nothing
 * can be read then, the last list stands, for the cluster does not need ZooKeeper to serve.
 */
export type CoordinatorClient = Pick<
  NodeClient,
  | 'connect'
  | 'get'
  | 'put'
  | 'delete'
  | 'locate'
  | 'describeCluster'
  | 'listHints'
  | 'dropHints'
  | 'listEntries'
  | 'close'
>;

export interface FinderComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: NodeSource;
  /** Makes a client of the node at `host:port`. */
  readonly open: (address: string) => CoordinatorClient;
}

/** A node that accepted a connection. */
export interface FoundCoordinator {
  readonly node: NodeAddress;
  readonly client: CoordinatorClient;
}

/** A node that was to be asked, and why it is not. */
export interface LeftNode {
  readonly node: NodeAddress;
  readonly error: QuorateError;
}

/** However late the list came, connections get this much. */
const connectMsMin = 500;

export class CoordinatorFinder {
  readonly #components: FinderComponents;
  #listed: readonly NodeAddress[] = [];
  /** The names of nodes that failed since they were last used, the latest last. */
  readonly #failed = new Set<string>();

  constructor(components: FinderComponents) {
    this.#components = components;
  }

  /** Others are asked before this node. */
  avoid(node: NodeAddress): void {
    this.#failed.delete(node.name);
    this.#failed.add(node.name);
  }

  /**
   * Connects to a node.
   *
   * @param left takes the nodes that failed on the way.
   * @throws QuorateError NO_COORDINATOR if none can be found.
   */
  async find(timeoutMs: number, left: LeftNode[]): Promise<FoundCoordinator> {
    const { clock, nodes } = this.#components;
    const endMs = clock.monotonicMs() + timeoutMs;
    const others = this.#shuffled().filter(({ name }) => !this.#failed.has(name));
    const found = await this.#firstOf(others, endMs, left);
    if (found !== undefined) return found;
    let problem: unknown;
    try {
      this.#listed = await nodes.list(Math.max(endMs - clock.monotonicMs(), connectMsMin));
    } catch (error: unknown) {
      if (this.#listed.length === 0) throw error;
      problem = error;
    }
    const connectByMs = Math.max(endMs, clock.monotonicMs() + connectMsMin);
    const failures: LeftNode[] = [];
    const any = await this.#firstOf(this.#failedLast(), connectByMs, failures);
    left.push(...failures.filter(({ node }) => !left.some((one) => one.node.name === node.name)));
    if (any !== undefined) return any;
    throw problem ?? unreachable(failures);
  }

  async #firstOf(
    nodes: readonly NodeAddress[],
    endMs: number,
    left: LeftNode[],
  ): Promise<FoundCoordinator | undefined> {
    for (const [index, node] of nodes.entries()) {
      // A host that swallows packets must not use up the time of the others.
      const leftMs = Math.max(endMs - this.#components.clock.monotonicMs(), 0);
      let client: CoordinatorClient | undefined;
      try {
        // What is registered may be nothing that can be dialled.
        client = this.#components.open(formatHostPort(node));
        await client.connect(Math.max(leftMs / (nodes.length - index), connectMsMin / 5));
        this.#failed.delete(node.name);
        return { node, client };
      } catch (error: unknown) {
        client?.close();
        this.avoid(node);
        left.push({ node, error: QuorateError.from(error) });
      }
    }
    return undefined;
  }

  #shuffled(): readonly NodeAddress[] {
    const ranked = this.#listed.map((node) => ({
      node,
      rank: this.#components.random.fraction(),
    }));
    return ranked.sort((one, other) => one.rank - other.rank).map(({ node }) => node);
  }

  #failedLast(): readonly NodeAddress[] {
    const failures = [...this.#failed];
    return [...this.#shuffled()].sort(
      (one, other) => failures.indexOf(one.name) - failures.indexOf(other.name),
    );
  }
}

function unreachable(failures: readonly LeftNode[]): QuorateError {
  const each = failures.map(
    ({ node, error }) => `${node.name} at ${formatHostPort(node)}: ${error.details['reason']}`,
  );
  const sentence = `none of the registered nodes can be reached (${each.join('; ')}): are they running, and is this machine in their network?`;
  return new QuorateError(
    'NO_COORDINATOR',
    { mayHaveApplied: false, missing: 'connection' },
    sentence,
  );
}
