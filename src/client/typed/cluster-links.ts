import { formatHostPort } from '../../ring/node-address.ts';
import type { Ring } from '../../ring/ring.ts';
import type { Timer } from '../../runtime/clock.ts';
import type { ClusterAnswer } from '../answers.ts';
import type { Attempt } from './attempt.ts';
import { NodeLink, type NodeLinkComponents } from './node-link.ts';
import { knownRingOf, Routes } from './routes.ts';
import type { Seeds } from './seeds.ts';

/**
 * The links to all nodes of a cluster. The first that answers tells of the others; each that comes
 * up tells again, and one is asked now and then. While none is up the seeds are looked up again,
 * since the nodes may be somewhere else by now.
 */
export interface ClusterLinksComponents extends NodeLinkComponents {
  readonly seeds: Seeds;
}

export interface ClusterLinksInit {
  readonly isPipelining: boolean;
  /** The one node to use, as its name or `host:port`. */
  readonly coordinator: string | undefined;
  /** A node that may be used has come up. */
  readonly onUp: () => void;
}

const refreshMs = 15_000;
const relistMs = 2_000;

export class ClusterLinks {
  readonly #components: ClusterLinksComponents;
  readonly #init: ClusterLinksInit;
  #links: NodeLink[] = [];
  #ring: Ring | undefined;
  #clusterName: string | undefined;
  #routes = new Routes(undefined, []);
  #timer: Timer | undefined;
  #isLooking = false;
  #isClosed = false;

  constructor(components: ClusterLinksComponents, init: ClusterLinksInit) {
    this.#components = components;
    this.#init = init;
  }

  /** Begins to connect. @throws QuorateError NO_COORDINATOR if the seeds cannot be found. */
  async start(timeoutMs: number): Promise<void> {
    await this.#addSeeds(timeoutMs);
    this.#schedule();
  }

  /** Whether any node can take calls. */
  get isAnyUp(): boolean {
    return this.#links.some((link) => this.#isUsable(link));
  }

  /** Why no node can take calls, as far as is known. */
  get problem(): string {
    const problems = this.#links.map(({ name, address, problem }) => {
      const who = name === undefined ? address : `${name} at ${address}`;
      return `${who}: ${problem?.details['reason'] ?? problem?.message ?? 'no answer yet'}`;
    });
    return problems.join('; ') || 'no node is known';
  }

  /**
   * The node to send a call to: the best of the key's replicas, else the best of all.
   *
   * @param avoided nodes that are not wanted.
   * @returns one that is too busy only if all are; `undefined` if there is no other.
   */
  choose(
    { outgoing, deadlineMs }: Pick<Attempt, 'outgoing' | 'deadlineMs'>,
    avoided: readonly NodeLink[],
    nowMs: number,
  ): NodeLink | undefined {
    const withinMs = deadlineMs - nowMs;
    return (
      this.#best(this.#routes.replicasOf(outgoing.key), avoided, nowMs, withinMs) ??
      this.#best(this.#links, avoided, nowMs, withinMs)
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const link of this.#links) link.close();
  }

  #best(
    links: readonly NodeLink[],
    avoided: readonly NodeLink[],
    nowMs: number,
    withinMs: number,
  ): NodeLink | undefined {
    let best: NodeLink | undefined;
    let leastMs = Number.POSITIVE_INFINITY;
    let busy: NodeLink | undefined;
    for (const link of links) {
      if (!this.#isUsable(link) || avoided.includes(link)) continue;
      const costMs = link.costMs(nowMs);
      if (costMs >= leastMs) continue;
      if (link.isTooBusyFor(withinMs)) {
        busy ??= link;
        continue;
      }
      best = link;
      leastMs = costMs;
    }
    return best ?? busy;
  }

  #isUsable(link: NodeLink): boolean {
    const { coordinator } = this.#init;
    if (!link.isUp) return false;
    return coordinator === undefined || link.name === coordinator || link.address === coordinator;
  }

  async #addSeeds(timeoutMs: number): Promise<void> {
    const seeds = await this.#components.seeds.list(timeoutMs);
    if (this.#isClosed) return;
    for (const { address, name } of seeds) this.#add(address, name);
  }

  #add(address: string, name: string | undefined): void {
    if (this.#links.some((link) => link.address === address)) return;
    const link = new NodeLink(this.#components, {
      address,
      name,
      isPipelining: this.#init.isPipelining,
      onUp: (up, cluster) => this.#onUp(up, cluster),
      onDown: () => this.#onDown(),
    });
    this.#links.push(link);
    link.start();
  }

  #onUp(link: NodeLink, cluster: ClusterAnswer): void {
    this.#clusterName ??= cluster.clusterName;
    if (cluster.clusterName !== this.#clusterName) return this.#remove(link);
    // Two addresses of one node: the one that works stays.
    for (const other of this.#links) {
      if (other === link || other.name !== link.name) continue;
      if (other.isUp) return this.#remove(link);
      this.#remove(other);
    }
    this.#adopt(cluster);
    if (this.#isUsable(link)) this.#init.onUp();
  }

  #onDown(): void {
    if (!this.isAnyUp) this.#schedule();
  }

  #remove(link: NodeLink): void {
    this.#links = this.#links.filter((other) => other !== link);
    link.close();
  }

  /** Takes over what a node says of the cluster. */
  #adopt(cluster: ClusterAnswer): void {
    if (this.#ring !== undefined && cluster.ringEpoch < this.#ring.epoch) return;
    this.#ring = knownRingOf(cluster);
    const names = new Set(cluster.nodes.map(({ name }) => name));
    for (const link of this.#links) {
      if (link.name !== undefined && !names.has(link.name)) this.#remove(link);
    }
    for (const node of cluster.nodes) {
      const isReached = this.#links.some((link) => link.isUp && link.name === node.name);
      if (!isReached) this.#add(formatHostPort(node), node.name);
    }
    this.#routes = new Routes(this.#ring, this.#links);
  }

  /** Looks again later: soon while no node is up. */
  #schedule(): void {
    this.#timer?.cancel();
    const delayMs = this.isAnyUp ? refreshMs : relistMs;
    this.#timer = this.#components.clock.schedule(delayMs, () => {
      // The links say what is wrong with the nodes, and go on by themselves.
      this.#look().catch(() => undefined);
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const up = this.#links.filter((link) => link.isUp);
      const link = up[Math.floor(this.#components.random.fraction() * up.length)];
      if (link === undefined) await this.#addSeeds(relistMs);
      else this.#adopt(await link.describeCluster());
    } finally {
      this.#isLooking = false;
      if (!this.#isClosed) this.#schedule();
    }
  }
}
