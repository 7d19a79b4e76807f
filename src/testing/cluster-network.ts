import { assert } from '../base/assert.ts';
import type { NodeAddress } from '../ring/node-address.ts';
import type { Clock } from '../runtime/clock.ts';
import { loopback, ProxiedLink } from './proxied-link.ts';

/**
 * All that is said to a node goes through a port of this class: one for its clients, which is its
 * address for as long as the cluster lives, and one for each other node. So a node can be cut off
 * from some and not from others, and its connections end or stand still without its doing.
 *
 * What is wrong is held as facts about nodes; the state of every link follows from them.
 */
export class ClusterNetwork {
  readonly #names: readonly string[];
  readonly #links: readonly Way[];
  readonly #down: Set<string>;
  readonly #paused = new Set<string>();
  /** The number of the group that a node is in; all in one while there is no partition. */
  #groupOf: ReadonlyMap<string, number> = new Map();

  /** All nodes are down at first. */
  constructor(clock: Clock, names: readonly string[]) {
    this.#names = names;
    this.#down = new Set(names);
    this.#links = names.flatMap((to) =>
      [undefined, ...names.filter((name) => name !== to)].map((from) => {
        return { from, to, link: new ProxiedLink(clock, 0), port: 0 };
      }),
    );
    this.#apply();
  }

  async listen(): Promise<void> {
    await Promise.all(
      this.#links.map(async (way) => {
        way.port = await way.link.listen();
      }),
    );
  }

  /** Where all nodes are, as a node reaches them, or as clients do. */
  addresses(from?: string): readonly NodeAddress[] {
    return this.#names.map((name) => {
      // A node does not dial itself.
      const isWay = (way: Way) => way.to === name && (name === from || way.from === from);
      const way = this.#links.find(isWay);
      assert(way !== undefined, 'there is a way to every node');
      return { name, host: loopback, port: way.port };
    });
  }

  /** A node listens on a port from now on. */
  up(node: string, port: number): void {
    for (const { to, link } of this.#links) if (to === node) link.targetPort = port;
    this.#down.delete(node);
    this.#apply();
  }

  /** Resets the connections of a node and refuses new ones. */
  down(node: string): void {
    this.#down.add(node);
    this.#paused.delete(node);
    this.#apply();
  }

  /** Holds back all that a node says and hears; what was held arrives later. */
  setPaused(node: string, isPaused: boolean): void {
    if (isPaused) this.#paused.add(node);
    else this.#paused.delete(node);
    this.#apply();
  }

  isPaused(node: string): boolean {
    return this.#paused.has(node);
  }

  /** Resets the connections between nodes of different groups and refuses new ones. */
  partition(groupOf: ReadonlyMap<string, number>): void {
    this.#groupOf = groupOf;
    this.#apply();
  }

  /** Whether one running node is to reach another. */
  areJoined(one: string, other: string): boolean {
    return this.#groupOf.get(one) === this.#groupOf.get(other);
  }

  close(): void {
    for (const { link } of this.#links) link.close();
  }

  #apply(): void {
    for (const { from, to, link } of this.#links) {
      const ends = from === undefined ? [to] : [from, to];
      const isHeld = ends.some((node) => this.#paused.has(node));
      link.forward.isHeld = isHeld;
      link.backward.isHeld = isHeld;
      link.isRefusing =
        ends.some((node) => this.#down.has(node)) ||
        (from !== undefined && !this.areJoined(from, to));
      if (link.isRefusing) link.reset();
      else link.pump();
    }
  }
}

/** From a node, or from the clients where `from` is `undefined`. */
interface Way {
  readonly from: string | undefined;
  readonly to: string;
  readonly link: ProxiedLink;
  port: number;
}
