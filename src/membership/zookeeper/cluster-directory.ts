import type { NodeAddress } from '../../ring/node-address.ts';
import { silentLogger } from '../../runtime/logger.ts';
import { type ClusterStatus, decodeStatus, statusPath } from './cluster-status.ts';
import type { ServerAddress } from './connection.ts';
import { decodeMember } from './member-record.ts';
import { memberPath, membersPath } from './registration-keeper.ts';
import type { KeeperComponents } from './session-keeper.ts';
import { ZookeeperError } from './zookeeper-error.ts';
import { ZookeeperSession } from './zookeeper-session.ts';

/**
 * A cluster as ZooKeeper lists it, for those who look for its nodes. It only reads: a client must
 * not make the root of a cluster that is not there. Each reading has a session of its own, closed
 * at its end, so that nothing runs between readings.
 */
export interface ClusterListing {
  /** Whether the root is there. */
  readonly hasRoot: boolean;
  /** `undefined` if it is missing or not ours. */
  readonly status: ClusterStatus['state'] | undefined;
  /**
   * The nodes that are registered, by name; what cannot be read is left out. One that died is among
   * them until its session times out.
   */
  readonly nodes: readonly NodeAddress[];
}

export interface ClusterDirectoryOptions {
  readonly servers: readonly ServerAddress[];
  readonly root: string;
}

/** Short: each server is given its part of half of it before the next one is tried. */
const sessionTimeoutMs = 3_000;

export class ClusterDirectory {
  readonly #components: Omit<KeeperComponents, 'logger'>;
  readonly #options: ClusterDirectoryOptions;

  constructor(components: Omit<KeeperComponents, 'logger'>, options: ClusterDirectoryOptions) {
    this.#components = components;
    this.#options = options;
  }

  /**
   * Reads what is listed now; up to 1 s more goes into closing the session.
   *
   * @returns `undefined` if no server answers within `timeoutMs`.
   * @throws ZookeeperError if the server refuses to answer.
   */
  async read(timeoutMs: number): Promise<ClusterListing | undefined> {
    const session = new ZookeeperSession(
      { ...this.#components, logger: silentLogger },
      { ...this.#options, sessionTimeoutMs },
    );
    try {
      return await this.#readWith(session, timeoutMs);
    } finally {
      await session.stop();
    }
  }

  #readWith(session: ZookeeperSession, timeoutMs: number): Promise<ClusterListing | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.#components.clock.schedule(timeoutMs, () => resolve(undefined));
      const onFailure = (error: unknown) => {
        // Without an answer the session connects again, and all is read again.
        if (error instanceof ZookeeperError && !error.isAnswer) return;
        timer.cancel();
        reject(error);
      };
      session.onState(({ state }) => {
        if (state !== 'connected') return;
        list(session).then((listing) => {
          timer.cancel();
          resolve(listing);
        }, onFailure);
      });
      session.start();
    });
  }
}

async function list(session: ZookeeperSession): Promise<ClusterListing> {
  const [root, status, names = []] = await Promise.all([
    session.exists('/'),
    session.get(statusPath),
    session.children(membersPath),
  ]);
  const nodes = await Promise.all([...names].sort().map((name) => readNode(session, name)));
  return {
    hasRoot: root !== undefined,
    status: status && decodeStatus(status.data)?.state,
    nodes: nodes.filter((node) => node !== undefined),
  };
}

async function readNode(session: ZookeeperSession, name: string): Promise<NodeAddress | undefined> {
  const znode = await session.get(memberPath(name));
  const record = znode && decodeMember(znode.data);
  return record && { name, host: record.host, port: record.port };
}
