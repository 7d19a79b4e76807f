import { decodeText, encodeText } from '../../base/bytes.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { Incarnations } from '../incarnations.ts';
import { MemberList, type Registration } from '../member-list.ts';
import type { Membership, MembershipView } from '../membership.ts';
import { decodeMember, type MemberRecord } from './member-record.ts';
import { memberPath, membersPath, RegistrationKeeper } from './registration-keeper.ts';
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
  #reading: Promise<void> | undefined;
  #isReadingStale = false;
  #timer: Timer | undefined;
  #isStopped = false;
  #alarm: string | undefined;
  #ringProblem: string | undefined;
  #onFirstRead: (() => void) | undefined;

  constructor(components: ZookeeperMembershipComponents, options: ZookeeperMembershipOptions) {
    this.#components = components;
    this.#options = options;
    this.#incarnations = new Incarnations(options.nodes);
    this.#list = new MemberList(options.nodes);
    this.#registration = new RegistrationKeeper(components, options.node, options.own);
  }

  /**
   * Connects and registers; settles after the first reading, or after `waitMs` without one: then
   * ZooKeeper is away, and the node registers when it is back.
   */
  start(waitMs: number): Promise<void> {
    const { clock, logger, session } = this.#components;
    session.onState(({ state }) => {
      logger.info('ZooKeeper', { state });
      if (state === 'connected') this.#refresh();
    });
    session.start();
    return new Promise((resolve) => {
      const limit = clock.schedule(waitMs, () => {
        logger.warn('ZooKeeper is away: serving with the ring of the replicas file');
        resolve();
      });
      this.#onFirstRead = () => {
        limit.cancel();
        resolve();
      };
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
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
      registered: new Set(this.#list.members.keys()),
      incarnations: this.#incarnations.snapshot(),
    };
  }

  onRecovered(listener: (node: string) => void): void {
    this.#incarnations.onRecovered(listener);
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
    this.#timer = this.#components.clock.schedule(isRead ? rereadMs : retryMs, this.#refresh);
  }

  async #tryRead(): Promise<boolean> {
    try {
      await this.#read();
      this.#onFirstRead?.();
      return true;
    } catch (error: unknown) {
      if (!(error instanceof ZookeeperError)) throw error;
      this.#components.logger.debug('reading ZooKeeper failed', { reason: error.message });
      return false;
    }
  }

  async #read(): Promise<void> {
    const { session } = this.#components;
    await session.ensure(membersPath);
    await this.#compareRing();
    if (this.#ringProblem !== undefined) return;
    await this.#registration.ensure(this.#refresh);
    const names = (await session.children(membersPath, this.#refresh)) ?? [];
    const registrations = await Promise.all(names.map((name) => this.#readMember(name)));
    this.#take(registrations.filter((registration) => registration !== undefined));
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
    if (stored === undefined) {
      try {
        await session.createPersistent(ringPath, encodeText(own));
        this.#ringProblem = undefined;
        return;
      } catch (error: unknown) {
        if (!(error instanceof ZookeeperError) || error.code !== 'NODE_EXISTS') throw error;
        return this.#compareRing();
      }
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
