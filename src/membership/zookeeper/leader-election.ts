import { decodeText, encodeText } from '../../base/bytes.ts';
import type { Logger } from '../../runtime/logger.ts';
import { decodeStatus, encodeStatus, statusPath } from './cluster-status.ts';
import type { ZookeeperSession } from './zookeeper-session.ts';

/**
 * Elects one node for the duties of the cluster, and the one that follows it. Requests never depend
 * on either.
 *
 * Each node has one sequential ephemeral znode; the lowest leads, the next is the standby, and each
 * watches only the one before its own (the recipe of ZooKeeper's documentation, without its herd).
 * Two nodes may believe to lead at once: one that was paused does not know yet that its session is
 * over. So whoever leads raises the term in the status znode by compare-and-set, and an action
 * counts only under the highest term. Terms are numbers of our own: transaction numbers begin anew
 * when ZooKeeper comes back empty.
 */
export interface ElectionComponents {
  readonly logger: Logger;
  readonly session: ZookeeperSession;
}

/** Who leads, as the last reading says. */
export interface Leadership {
  readonly leader: string | undefined;
  readonly standby: string | undefined;
  /** The highest term that was seen. */
  readonly term: number;
}

interface Candidate {
  readonly path: string;
  readonly node: string;
}

const electionPath = '/election';

export class LeaderElection {
  readonly #logger: Logger;
  readonly #session: ZookeeperSession;
  readonly #node: string;
  #ownPath: string | undefined;
  #ownTerm: number | undefined;
  #leadership: Leadership = { leader: undefined, standby: undefined, term: 0 };
  #isReady = false;

  constructor(components: ElectionComponents, node: string) {
    this.#logger = components.logger;
    this.#session = components.session;
    this.#node = node;
  }

  get leadership(): Leadership {
    return this.#leadership;
  }

  /** Whether a leader has declared the cluster ready. */
  get isClusterReady(): boolean {
    return this.#isReady;
  }

  /**
   * Takes part and reads who leads; a leader does its duty.
   *
   * @param isComplete whether the cluster may be declared ready.
   * @param onChange called when the one before this node has gone.
   * @throws ZookeeperError when ZooKeeper cannot be asked, or another leader was first: read again.
   */
  async refresh(isComplete: boolean, onChange: () => void): Promise<void> {
    await this.#session.ensure(electionPath);
    await this.#ensureCandidate();
    const candidates = await this.#readCandidates();
    const own = candidates.findIndex(({ path }) => path === this.#ownPath);
    const before = candidates[own - 1];
    if (before !== undefined) await this.#session.exists(before.path, onChange);
    const term = own === 0 ? await this.#lead(isComplete) : await this.#follow();
    this.#tell({
      leader: candidates[0]?.node,
      standby: candidates[1]?.node,
      term: Math.max(term, this.#leadership.term),
    });
  }

  async #ensureCandidate(): Promise<void> {
    if (this.#ownPath !== undefined) {
      const stat = await this.#session.exists(this.#ownPath);
      if (stat?.ephemeralOwner === this.#session.sessionId) return;
      this.#ownTerm = undefined;
    }
    const data = encodeText(this.#node);
    this.#ownPath = await this.#session.createSequential(`${electionPath}/`, data);
  }

  /** The candidates in their order; those of this node's former sessions are taken away. */
  async #readCandidates(): Promise<readonly Candidate[]> {
    const names = (await this.#session.children(electionPath)) ?? [];
    // Whatever else is there has no place in the order.
    const numbered = names.filter((name) => /-\d+$/.test(name));
    const ordered = numbered.sort((left, right) => sequenceOf(left) - sequenceOf(right));
    const candidates = await Promise.all(ordered.map((name) => this.#readCandidate(name)));
    return candidates.filter((candidate) => candidate !== undefined);
  }

  async #readCandidate(name: string): Promise<Candidate | undefined> {
    const path = `${electionPath}/${name}`;
    const znode = await this.#session.get(path);
    const node = znode && decodeText(znode.data);
    if (node === undefined) return undefined;
    if (node === this.#node && path !== this.#ownPath) {
      await this.#session.delete(path);
      return undefined;
    }
    return { path, node };
  }

  /** @returns the term under which this node leads. */
  async #lead(isComplete: boolean): Promise<number> {
    const stored = await this.#session.get(statusPath);
    const status = stored && decodeStatus(stored.data);
    const isOwn = status?.leader === this.#node && status.term === this.#ownTerm;
    const term = isOwn ? status.term : Math.max(status?.term ?? 0, this.#leadership.term) + 1;
    // Once ready a cluster stays ready: nodes that go away are what replication is for.
    const state = status?.state === 'READY' || isComplete ? 'READY' : 'INITIALIZING';
    this.#isReady = state === 'READY';
    if (isOwn && status.state === state) return term;
    const data = encodeStatus({ state, term, leader: this.#node });
    if (stored === undefined) await this.#session.createPersistent(statusPath, data);
    else await this.#session.set(statusPath, data, stored.stat.version);
    this.#ownTerm = term;
    this.#logger.info('leading the cluster', { term, state });
    return term;
  }

  async #follow(): Promise<number> {
    this.#ownTerm = undefined;
    const stored = await this.#session.get(statusPath);
    const status = stored && decodeStatus(stored.data);
    this.#isReady = status?.state === 'READY';
    return status?.term ?? 0;
  }

  #tell(leadership: Leadership): void {
    const { leader, standby } = this.#leadership;
    if (leadership.leader !== leader || leadership.standby !== standby) {
      this.#logger.info('leader elected', { ...leadership });
    }
    this.#leadership = leadership;
  }
}

function sequenceOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}
