import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { OpenConnection, ServerAddress } from '../../src/membership/zookeeper/connection.ts';
import type { SessionChange } from '../../src/membership/zookeeper/session-keeper.ts';
import { clientConnections } from '../../src/membership/zookeeper/zookeeper-connection.ts';
import { ZookeeperSession } from '../../src/membership/zookeeper/zookeeper-session.ts';
import type { Clock, Timer } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeZookeeper } from '../support/fake-zookeeper.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

/** A clock that knows how many of its timers are still to come. */
class CountingClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<object>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  realtimeMs(): number {
    return this.#clock.realtimeMs();
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const key = {};
    this.#timers.add(key);
    const timer = this.#clock.schedule(delayMs, () => {
      if (this.#timers.delete(key)) callback();
    });
    return {
      cancel: () => {
        this.#timers.delete(key);
        timer.cancel();
      },
    };
  }
}

/** The session that tests ask for. */
export const sessionTimeoutMs = 8_000;

/** Sessions with the real client on fake servers, all in simulated time. */
export class ZookeeperFixture {
  readonly time = new SimulatedTime();
  /** The process of the sessions. */
  readonly host = new SimulatedHost(this.time);
  readonly clock = new CountingClock(this.host);
  readonly zookeeper: FakeZookeeper;
  readonly #servers = new Map<number, FakeZookeeper>();
  readonly sessions: ZookeeperSession[] = [];

  constructor() {
    this.zookeeper = this.addServer(1);
  }

  addServer(port: number): FakeZookeeper {
    const server = new FakeZookeeper(new SimulatedHost(this.time));
    this.#servers.set(port, server);
    return server;
  }

  /** How many connections were begun. */
  socketCount = 0;

  /** Connects to the fake server of the port. */
  readonly connect: OpenConnection = (request, listener) => {
    const open = clientConnections((server) => {
      const fake = this.#servers.get(server.port);
      this.socketCount++;
      if (fake === undefined) throw new Error(`no server on port ${server.port}`);
      return fake.openSocket(this.host)(server);
    });
    return open(request, listener);
  };

  /** Not started yet. */
  create(options: { ports?: readonly number[]; root?: string; seed?: number } = {}): {
    session: ZookeeperSession;
    changes: SessionChange[];
  } {
    const { ports = [1], root = '', seed = 1 } = options;
    const servers: readonly ServerAddress[] = ports.map((port) => ({ host: 'fake', port }));
    const { clock, connect } = this;
    const session = new ZookeeperSession(
      { clock, random: new SeededRandom(seed), logger: silentLogger, connect },
      { servers, root, sessionTimeoutMs },
    );
    const changes: SessionChange[] = [];
    session.onState((change) => changes.push(change));
    this.sessions.push(session);
    return { session, changes };
  }

  /** With another way to connect, and other addresses. */
  createWith(connect: OpenConnection, servers: readonly ServerAddress[]): ZookeeperSession {
    const { clock } = this;
    const session = new ZookeeperSession(
      { clock, random: new SeededRandom(1), logger: silentLogger, connect },
      { servers, root: '', sessionTimeoutMs },
    );
    this.sessions.push(session);
    return session;
  }

  /** Connects to the first server, whatever the host, and keeps the hosts that sockets got. */
  recordHosts(): { hosts: string[]; connect: OpenConnection } {
    const hosts: string[] = [];
    const connect = clientConnections((server) => {
      hosts.push(server.host);
      return this.zookeeper.openSocket(this.host)(server);
    });
    return { hosts, connect };
  }

  /** Connected. */
  async open(options: { ports?: readonly number[]; root?: string; seed?: number } = {}) {
    const created = this.create(options);
    created.session.start();
    await this.time.until(() => created.session.state === 'connected');
    return created;
  }

  /** Advances, not in the finest steps, until a condition holds. */
  async until(condition: () => boolean): Promise<void> {
    for (let step = 0; !condition(); step++) {
      if (step === 1_000) throw new Error('no such moment');
      await this.time.advance(20);
    }
  }

  /** The result of something that takes simulated time. */
  settle<T>(promise: Promise<T>): Promise<T> {
    return this.time.settle(promise);
  }

  /** The code of the error that a promise ends with. */
  codeOf(promise: Promise<unknown>): Promise<string> {
    return this.settle(codeOf(promise));
  }
}

export const bytes = (text: string) => Buffer.from(text);

/** The code of the error that a promise ends with, or OK. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'OK',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** What is in use after garbage was collected. */
export function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
