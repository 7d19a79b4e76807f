import { decodeText, encodeText } from '../../base/bytes.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { Incarnations } from '../incarnations.ts';
import { MemberList, type Registration } from '../member-list.ts';
import type { Membership, MembershipView } from '../membership.ts';
import { LeaderElection } from './leader-election.ts';
import { decodeMember, type MemberRecord } from './member-record.ts';
import { memberPath, membersPath, RegistrationKeeper } from './registration-keeper.ts';
import type { SessionState } from './session-keeper.ts';
import { ZookeeperError } from './zookeeper-error.ts';
import type { ZookeeperSession } from './zookeeper-session.ts';

/**
 * Membership as ZooKeeper tells it: this node registers itself and reads who else is registered.
 *
 * An event is a hint to read everything again, and everything is read again anyway at each
 * connection and every 10 s, since events merge and get lost. Losing ZooKeeper changes nothing
 * but the state: the last list stands, the links go on finding incarnations, and data is served.
 */
export interface ZookeeperMembershipComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly session: ZookeeperSession;
}

export interface ZookeeperMembershipOptions {
  readonly node: string;
  /** The names of the ring. */
  readonly nodes: readonly string[];
  readonly own: MemberRecord;
  /** The ring as text: the first node writes it, the others compare. */
  readonly ringDigest: string;
  /** How long a new cluster waits for all its nodes before it is ready without some, in ms. */
  readonly startupWindowMs: number;
}

const rereadMs = 10_000;
const retryMs = 500;
const ringPath = '/ring';

export class ZookeeperMembership implements Membership {
  readonly #components: ZookeeperMembershipComponents;
  readonly #options: ZookeeperMembershipOptions;
  readonly #incarnations: Incarnations;
  readonly #list: MemberList;
  readonly #registration: RegistrationKeeper;
  readonly #election: LeaderElection;
  #reading: Promise<void> | undefined;
  #isReadingStale = false;
  #timer: Timer | undefined;
  /** What ends the waiting of a start. */
  readonly #limits: Timer[] = [];
  #isStopped = false;
  #alarm: string | undefined;
  #ringProblem: string | undefined;
  /** The transaction that wrote the ring, once it was read. */
  #ringCzxid: bigint | undefined;
  #onReady: (() => void) | undefined;
  #windowEndsMs = Number.POSITIVE_INFINITY;
  #hasRead = false;
  /** Whether the last failure was a refusal that will not pass by itself. */
  #isDenied = false;

  constructor(components: ZookeeperMembershipComponents, options: ZookeeperMembershipOptions) {
    this.#components = components;
    this.#options = options;
    this.#incarnations = new Incarnations(options.nodes);
    this.#list = new MemberList(options.nodes);
    this.#registration = new RegistrationKeeper(components, options.node, options.own);
    this.#election = new LeaderElection(components, options.node);
  }

  /**
   * Connects and registers; settles when the cluster is ready. A cluster that never was waits for
   * all its nodes or for the startup window. Unconnected or refused after `waitMs`, ZooKeeper is
   * away: then it settles too, and the node registers when ZooKeeper is back.
   */
  start(waitMs: number): Promise<void> {
    const { clock, logger, session } = this.#components;
    this.#windowEndsMs = clock.monotonicMs() + this.#options.startupWindowMs;
    session.onState(({ state }) => {
      logger.info('ZooKeeper', { state });
      if (state === 'connected') this.#refresh();
    });
    session.start();
    return new Promise((resolve) => {
      const goOn = (why: string | undefined) => {
        if (why !== undefined) logger.warn(why);
        for (const limit of this.#limits.splice(0)) limit.cancel();
        resolve();
      };
      this.#onReady = () => goOn(undefined);
      const lookWhetherAway = () => {
        if (this.#hasRead) return;
        // Slow is not away: the cluster may not be ready yet.
        if (session.state === 'connected' && !this.#isDenied) lookLater();
        else goOn('ZooKeeper is away: serving with the ring of the replicas file');
      };
      const lookLater = () => this.#limits.push(clock.schedule(waitMs, lookWhetherAway));
      lookLater();
      // Whoever should have declared the cluster ready, or ZooKeeper, went away in between.
      const isForgotten = clock.schedule(this.#options.startupWindowMs + waitMs, () =>
        goOn('nobody has declared the cluster ready: serving all the same'),
      );
      this.#limits.push(isForgotten);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const limit of this.#limits.splice(0)) limit.cancel();
    await this.#reading;
    await this.#components.session.stop();
  }

  /** How the ring in ZooKeeper differs from this node's, in words; `undefined` if it does not. */
  get ringProblem(): string | undefined {
    return this.#ringProblem;
  }

  view(): MembershipView {
    return {
      kind: 'zookeeper',
      state: this.#components.session.state,
      leader: this.#election.leadership.leader,
      standby: this.#election.leadership.standby,
      registered: new Set(this.#list.members.keys()),
      incarnations: this.#incarnations.snapshot(),
    };
  }

  onRecovered(listener: (node: string) => void): void {
    this.#incarnations.onRecovered(listener);
  }

  /** Calls back when the registrations begin or cease to be up to date. */
  onState(listener: (state: SessionState) => void): void {
    this.#components.session.onState(({ state }) => listener(state));
  }

  reportIncarnation(node: string, incarnation: bigint): void {
    this.#incarnations.report(node, incarnation);
  }

  /** Reads everything, now or as soon as the reading under way is over. */
  readonly #refresh = (): void => {
    if (this.#isStopped) return;
    this.#isReadingStale = true;
    this.#reading ??= this.#readWhileStale().finally(() => {
      this.#reading = undefined;
    });
  };

  async #readWhileStale(): Promise<void> {
    let isRead = true;
    while (this.#isReadingStale && !this.#isStopped) {
      this.#isReadingStale = false;
      isRead = await this.#tryRead();
    }
    this.#timer?.cancel();
    if (this.#isStopped) return;
    const delayMs = isRead && this.#isSettled() ? rereadMs : retryMs;
    this.#timer = this.#components.clock.schedule(delayMs, this.#refresh);
  }

  /** Nobody tells when the cluster is ready, or when a second candidate has come. */
  #isSettled(): boolean {
    if (this.#ringProblem !== undefined) return true;
    const isAlone = this.#list.members.size < 2;
    const { standby } = this.#election.leadership;
    return this.#election.isClusterReady && (isAlone || standby !== undefined);
  }

  async #tryRead(): Promise<boolean> {
    try {
      await this.#read();
      this.#hasRead = true;
      this.#isDenied = false;
      if (this.#ringProblem !== undefined || this.#election.isClusterReady) this.#onReady?.();
      return true;
    } catch (error: unknown) {
      if (!(error instanceof ZookeeperError)) throw error;
      const isDenied = error.code === 'NO_AUTH' || error.code === 'REFUSED';
      const level = isDenied && !this.#isDenied ? 'error' : 'debug';
      this.#components.logger[level]('reading or writing in ZooKeeper failed', {
        reason: error.message,
      });
      this.#isDenied = isDenied;
      return false;
    }
  }

  async #read(): Promise<void> {
    const { session } = this.#components;
    await session.ensure(membersPath);
    await this.#compareRing();
    if (this.#ringProblem !== undefined) return;
    const isRegistered = await this.#registration.ensure(this.#refresh);
    const names = (await session.children(membersPath, this.#refresh)) ?? [];
    const registrations = await Promise.all(names.map((name) => this.#readMember(name)));
    this.#take(registrations.filter((registration) => registration !== undefined));
    // Under a name that another process has, it would take away that one's part in the election.
    if (!isRegistered) return;
    const isWindowOver = this.#components.clock.monotonicMs() >= this.#windowEndsMs;
    const isComplete = this.#list.members.size === this.#options.nodes.length;
    await this.#election.refresh(isComplete || isWindowOver, this.#refresh);
  }

  async #readMember(node: string): Promise<Registration | undefined> {
    const znode = await this.#components.session.get(memberPath(node));
    const record = znode && decodeMember(znode.data);
    if (znode === undefined || record === undefined) return undefined;
    return { node, czxid: znode.stat.czxid, incarnation: record.incarnation };
  }

  #take(registrations: readonly Registration[]): void {
    const { logger } = this.#components;
    const { recovered, gone, alarm } = this.#list.update(registrations);
    if (alarm !== undefined && alarm !== this.#alarm) {
      logger.error('the member list is not believed, the last one stands', {
        alarm,
        listed: registrations.length,
        known: this.#list.members.size,
      });
    }
    this.#alarm = alarm;
    for (const node of gone) logger.warn('member is gone', { member: node });
    for (const { node, incarnation } of recovered) {
      logger.info('member is registered', { member: node });
      const before = this.#incarnations.snapshot().get(node);
      this.#incarnations.report(node, incarnation);
      // A new registration of the same run: it was paused, or cut off from ZooKeeper.
      if (before === incarnation) this.#incarnations.tellRecovered(node);
    }
  }

  async #compareRing(): Promise<void> {
    const { session, logger } = this.#components;
    const own = this.#options.ringDigest;
    const stored = await session.get(ringPath);
    // Whoever writes it anew sees that it is gone, the others that it is another znode.
    if (this.#ringCzxid !== undefined && this.#ringCzxid !== stored?.stat.czxid) {
      logger.error('ZooKeeper has lost its data: this node keeps the ring that it has');
    }
    this.#ringCzxid = stored?.stat.czxid;
    if (stored === undefined) {
      try {
        await session.createPersistent(ringPath, encodeText(own));
      } catch (error: unknown) {
        if (!(error instanceof ZookeeperError) || error.code !== 'NODE_EXISTS') throw error;
      }
      return this.#compareRing();
    }
    const text = decodeText(stored.data);
    const problem =
      text === own
        ? undefined
        : `the ring in ZooKeeper is ${text}, this node has ${own}: use the replicas file and flags of the cluster, or another root`;
    if (problem !== undefined && problem !== this.#ringProblem) logger.error(problem);
    this.#ringProblem = problem;
  }
}
