import { formatHostPort } from '../../ring/node-address.ts';
import type { Logger } from '../../runtime/logger.ts';
import { decodeMember, encodeMember, type MemberRecord } from './member-record.ts';
import { ZookeeperError } from './zookeeper-error.ts';
import type { ZnodeValue, ZookeeperSession } from './zookeeper-session.ts';

/**
 * Keeps one node registered: an ephemeral znode of its own session, looked after at each reading.
 *
 * The znode of a killed process lives until its session times out. A node that restarts sooner finds
 * its name taken, and if it only waited for the name it would lose it: the old znode disappears
 * later, and the live node is dead to all for ever. So a former registration of this node, told by
 * its address, is replaced in one transaction; another node's is waited out, with an alarm.
 *
 * Two processes of one name have the same address too, that of the replicas file. So what replaced
 * this node's registration within its session is another process that lives, and is waited out as
 * well: if each took the name from the other, they would do so without end.
 */
export interface RegistrationComponents {
  readonly logger: Logger;
  readonly session: ZookeeperSession;
}

export class RegistrationKeeper {
  readonly #logger: Logger;
  readonly #session: ZookeeperSession;
  readonly #path: string;
  readonly #own: MemberRecord;
  /** The session in which this run was registered last. */
  #registeredIn: bigint | undefined;
  #isTaken = false;

  constructor(components: RegistrationComponents, node: string, own: MemberRecord) {
    this.#logger = components.logger;
    this.#session = components.session;
    this.#path = memberPath(node);
    this.#own = own;
  }

  /**
   * Makes sure that the node is registered in this session.
   *
   * @param onChange called when another's registration in the way has changed.
   * @returns whether it is; not while another process has the name.
   * @throws ZookeeperError when ZooKeeper cannot be asked.
   */
  async ensure(onChange: () => void): Promise<boolean> {
    const current = await this.#session.get(this.#path, onChange);
    if (current === undefined) {
      await this.#create();
      return true;
    }
    if (this.#isCurrent(current)) {
      this.#registeredIn = this.#session.sessionId;
      return true;
    }
    if (this.#isFormer(current)) {
      await this.#replace(current);
      return true;
    }
    if (!this.#isTaken) this.#alarm(decodeMember(current.data));
    this.#isTaken = true;
    return false;
  }

  #isCurrent({ data, stat }: ZnodeValue): boolean {
    const isOwn = stat.ephemeralOwner === this.#session.sessionId;
    return isOwn && decodeMember(data)?.incarnation === this.#own.incarnation;
  }

  /** Whether it is of an earlier run or session of this node, or its own that somebody spoilt. */
  #isFormer({ data, stat }: ZnodeValue): boolean {
    const { sessionId } = this.#session;
    if (stat.ephemeralOwner === sessionId) return true;
    const found = decodeMember(data);
    if (found?.host !== this.#own.host || found.port !== this.#own.port) return false;
    return found.incarnation === this.#own.incarnation || this.#registeredIn !== sessionId;
  }

  #alarm(found: MemberRecord | undefined): void {
    this.#logger.error('another process is registered under this name', {
      registered: found === undefined ? 'unreadable' : describe(found),
      own: describe(this.#own),
    });
  }

  async #create(): Promise<void> {
    const { czxid } = await this.#session.createEphemeral(this.#path, encodeMember(this.#own));
    this.#tell(czxid);
  }

  async #replace({ stat }: ZnodeValue): Promise<void> {
    const path = this.#path;
    try {
      await this.#session.multi([
        { kind: 'delete', path, version: stat.version },
        { kind: 'create', path, data: encodeMember(this.#own), mode: 'ephemeral' },
      ]);
    } catch (error: unknown) {
      // The old one went by itself in between.
      if (!(error instanceof ZookeeperError) || error.code !== 'NO_NODE') throw error;
      await this.#create();
    }
    this.#tell(undefined);
  }

  #tell(czxid: bigint | undefined): void {
    this.#isTaken = false;
    this.#registeredIn = this.#session.sessionId;
    this.#logger.info('registered in ZooKeeper', { czxid: czxid?.toString(16) });
  }
}

/** Where the registrations are, below the root. */
export const membersPath = '/members';

export function memberPath(node: string): string {
  return `${membersPath}/${node}`;
}

function describe({ host, port, incarnation }: MemberRecord): string {
  return `${formatHostPort({ host, port })}, run ${incarnation.toString(16)}`;
}
