import { assert } from '../../base/assert.ts';
import type {
  ChangeKind,
  ServerAddress,
  Stat,
  ZnodeOperation,
  ZookeeperConnection,
} from './connection.ts';
import {
  type KeeperComponents,
  type SessionChange,
  SessionKeeper,
  type SessionState,
} from './session-keeper.ts';
import { type OnChange, WatchTable } from './watch-table.ts';
import { ZookeeperError } from './zookeeper-error.ts';

/**
 * A session with ZooKeeper: calls that end, changes of state, and watches. All paths are below the
 * configured root; `/` is the root itself.
 *
 * Calls are refused unless the state is `connected`. The client would keep them, in a queue
 * without a limit, and send them when it connects again: a registration of minutes ago. It would
 * also send a create again whose answer was lost; here nothing is sent twice, and what became of a
 * create of an ephemeral znode is read: if its owner is this session, it has happened.
 *
 * A watch is a hint to read again, not data. It fires at most once and dies with its connection:
 * whoever watches reads again, and watches again, on every event, on every `connected`, and from
 * time to time.
 */
export interface SessionOptions {
  readonly servers: readonly ServerAddress[];
  /** Where all paths begin, as `/quorate`; empty for the top. Made by `ensure('/')`. */
  readonly root: string;
  /** Asked for; the server may grant another. */
  readonly sessionTimeoutMs: number;
}

export interface ZnodeValue {
  readonly data: Uint8Array;
  readonly stat: Stat;
}

const callsOpenMax = 1_000;
const callShare = 1 / 2;
const unknown: readonly string[] = ['CONNECTION_LOST', 'TIMEOUT'];

export class ZookeeperSession {
  readonly #components: KeeperComponents;
  readonly #keeper: SessionKeeper;
  readonly #root: string;
  readonly #listeners = new Set<(change: SessionChange) => void>();
  readonly #watches = new WatchTable();
  #callsOpen = 0;

  constructor(components: KeeperComponents, options: SessionOptions) {
    assert(/^(\/[^/]+)*$/.test(options.root), 'a root is empty or begins with a slash');
    this.#components = components;
    this.#root = options.root;
    this.#keeper = new SessionKeeper(components, options, {
      onState: (change) => {
        for (const listener of [...this.#listeners]) listener(change);
      },
      onChange: (kind, path) => this.#watches.fire(kind, path),
      onConnectionGone: () => this.#watches.clear(),
    });
  }

  /** Begins to connect; returns at once. */
  start(): void {
    this.#keeper.start();
  }

  /** Ends the session, and its ephemeral znodes if ZooKeeper answers within 1 s. */
  stop(): Promise<void> {
    this.#listeners.clear();
    return this.#keeper.stop();
  }

  /** `suspended` after a pause of this process even before anybody was told. */
  get state(): SessionState {
    return this.#keeper.state;
  }

  /** The session, unless it is lost: what `ephemeralOwner` of its own znodes says. */
  get sessionId(): bigint | undefined {
    return this.#keeper.sessionId;
  }

  /** What the server granted, or what is asked for. */
  get sessionTimeoutMs(): number {
    return this.#keeper.sessionTimeoutMs;
  }

  /** @returns what ends the calls. */
  onState(listener: (change: SessionChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws ZookeeperError NODE_EXISTS */
  async createPersistent(path: string, data: Uint8Array): Promise<void> {
    await this.#call((connection) => connection.create(this.#absolute(path), data, 'persistent'));
  }

  /** Makes a persistent znode and those above it, the root included; existing ones stay. */
  async ensure(path: string): Promise<void> {
    const names = this.#absolute(path).split('/').slice(1);
    for (const [index] of names.entries()) {
      const absolute = `/${names.slice(0, index + 1).join('/')}`;
      if (absolute === '/') return;
      // Not to be made: that may be forbidden to who may change what is below.
      if ((await this.#call((connection) => connection.exists(absolute))) !== undefined) continue;
      try {
        await this.#call((connection) =>
          connection.create(absolute, new Uint8Array(), 'persistent'),
        );
      } catch (error: unknown) {
        if (!(error instanceof ZookeeperError) || error.code !== 'NODE_EXISTS') throw error;
      }
    }
  }

  /**
   * Makes a znode that dies with this session. Whether it was made by this call or by an earlier
   * one of this session whose answer was lost is no difference.
   *
   * @throws ZookeeperError NODE_EXISTS if it is another session's; `mayHaveApplied` is exact.
   */
  async createEphemeral(path: string, data: Uint8Array): Promise<Stat> {
    const absolute = this.#absolute(path);
    const failure = await this.#tryCreate((connection) =>
      connection.create(absolute, data, 'ephemeral'),
    );
    const stat = await this.#call((connection) => connection.exists(absolute));
    if (stat !== undefined && stat.ephemeralOwner === this.sessionId) return stat;
    if (stat !== undefined) throw new ZookeeperError('NODE_EXISTS', path);
    throw new ZookeeperError(failure?.code ?? 'NO_NODE', path, false);
  }

  /**
   * Makes a znode that dies with this session, named prefix, 32 random digits, `-` and a number
   * that grows with each: by the random part it is found again when the answer was lost.
   *
   * @returns its path.
   */
  async createSequential(prefix: string, data: Uint8Array): Promise<string> {
    const { random } = this.#components;
    const digits = [random.uint64(), random.uint64()]
      .map((part) => part.toString(16).padStart(16, '0'))
      .join('');
    const absolute = `${this.#absolute(prefix)}${digits}-`;
    const slash = absolute.lastIndexOf('/');
    let created: string | undefined;
    const failure = await this.#tryCreate(async (connection) => {
      created = await connection.create(absolute, data, 'ephemeral-sequential');
    });
    if (created === undefined) {
      const folder = absolute.slice(0, slash) || '/';
      const names = await this.#call((connection) => connection.children(folder, false));
      const name = names.find((candidate) => candidate.startsWith(absolute.slice(slash + 1)));
      if (name === undefined) throw new ZookeeperError(failure?.code ?? 'NO_NODE', prefix, false);
      created = `${absolute.slice(0, slash)}/${name}`;
    }
    return created.slice(this.#root.length);
  }

  /** With `onChange`, watches it, or for it to appear. */
  exists(path: string, onChange?: OnChange): Promise<Stat | undefined> {
    const absolute = this.#absolute(path);
    return this.#watched('node', absolute, onChange, (connection) =>
      connection.exists(absolute, onChange !== undefined),
    );
  }

  /** `undefined` if there is no such znode; then nothing is watched: use {@link exists}. */
  get(path: string, onChange?: OnChange): Promise<ZnodeValue | undefined> {
    const absolute = this.#absolute(path);
    return orUndefined(
      this.#watched('node', absolute, onChange, (connection) =>
        connection.get(absolute, onChange !== undefined),
      ),
    );
  }

  /** The names, in no order; `undefined` if there is no such znode, and then nothing is watched. */
  children(path: string, onChange?: OnChange): Promise<readonly string[] | undefined> {
    const absolute = this.#absolute(path);
    return orUndefined(
      this.#watched('children', absolute, onChange, (connection) =>
        connection.children(absolute, onChange !== undefined),
      ),
    );
  }

  /** @throws ZookeeperError NO_NODE, or BAD_VERSION if its version is not the one given. */
  set(path: string, data: Uint8Array, version?: number): Promise<Stat> {
    return this.#call((connection) => connection.set(this.#absolute(path), data, version));
  }

  /**
   * @returns whether it was there.
   * @throws ZookeeperError BAD_VERSION, NOT_EMPTY
   */
  async delete(path: string, version?: number): Promise<boolean> {
    const deleted = this.#call(async (connection) => {
      await connection.delete(this.#absolute(path), version);
      return true;
    });
    return (await orUndefined(deleted)) ?? false;
  }

  /** All or nothing. @throws ZookeeperError with the code of the first part that failed. */
  multi(operations: readonly ZnodeOperation[]): Promise<void> {
    const absolute = operations.map((part) => ({ ...part, path: this.#absolute(part.path) }));
    return this.#call((connection) => connection.multi(absolute));
  }

  /** @returns why it is not known to have happened, once that can be read in the same session. */
  async #tryCreate(
    create: (connection: ZookeeperConnection) => Promise<unknown>,
  ): Promise<ZookeeperError | undefined> {
    try {
      await this.#call(create);
      return undefined;
    } catch (error: unknown) {
      if (!(error instanceof ZookeeperError)) throw error;
      if (error.code === 'NODE_EXISTS') return error;
      const isKnown = !unknown.includes(error.code) || !(await this.#isConnectedAgain());
      if (isKnown) throw error;
      return error;
    }
  }

  /** Waits, at most for a call's time, until the session is connected, or lost: false. */
  async #isConnectedAgain(): Promise<boolean> {
    if (this.state === 'suspended') {
      await new Promise<void>((resolve) => {
        const done = () => {
          timer.cancel();
          forget();
          resolve();
        };
        const timer = this.#components.clock.schedule(this.sessionTimeoutMs * callShare, done);
        const forget = this.onState(done);
      });
    }
    return this.state === 'connected';
  }

  /** The listener is kept before the call: an event may come in the same turn as the answer. */
  async #watched<T>(
    kind: ChangeKind,
    path: string,
    onChange: OnChange | undefined,
    send: (connection: ZookeeperConnection) => Promise<T>,
  ): Promise<T> {
    if (onChange === undefined) return this.#call(send);
    const forget = this.#watches.add(kind, path, onChange);
    try {
      return await this.#call(send);
    } catch (error: unknown) {
      forget();
      throw error;
    }
  }

  #call<T>(send: (connection: ZookeeperConnection) => Promise<T>): Promise<T> {
    if (this.state !== 'connected') return Promise.reject(new ZookeeperError('NOT_CONNECTED'));
    if (this.#callsOpen >= callsOpenMax) return Promise.reject(new ZookeeperError('OVERLOADED'));
    this.#callsOpen++;
    return new Promise((resolve, reject) => {
      const timer = this.#components.clock.schedule(this.sessionTimeoutMs * callShare, () =>
        reject(new ZookeeperError('TIMEOUT')),
      );
      const done = () => {
        // Not at the timeout: until the answer comes, or the connection ends, the client holds it.
        this.#callsOpen--;
        timer.cancel();
      };
      this.#keeper.call(send).finally(done).then(resolve, reject);
    });
  }

  #absolute(path: string): string {
    assert(path.startsWith('/'), 'a path begins with a slash');
    return path === '/' ? this.#root || '/' : `${this.#root}${path}`;
  }
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error: unknown) {
    if (error instanceof ZookeeperError && error.code === 'NO_NODE') return undefined;
    throw error;
  }
}
