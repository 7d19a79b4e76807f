import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { LogData, Logger } from '../../runtime/logger.ts';
import type { Random } from '../../runtime/random.ts';
import type {
  ChangeKind,
  OpenConnection,
  OpenedSession,
  ServerAddress,
  SessionProof,
  ZookeeperConnection,
} from './connection.ts';
import { ServerRotation } from './server-rotation.ts';
import { SessionLease } from './session-lease.ts';
import { ZookeeperError } from './zookeeper-error.ts';

/**
 * Keeps a session with ZooKeeper alive over connections that come and go, and says what it is
 * worth. The client alone cannot: it never looks whether its pings are answered (against a mute
 * server it stayed "connected" for four and a half sessions), waits for ever for a server that
 * accepts and says nothing, never tries the next one then, and stays dead once it has expired.
 *
 * So each connection is a new client object with one server, a time limit, and the id and password
 * of the session to go on with. A cheap read every quarter of a session renews the lease of trust
 * (`session-lease.ts`): in doubt is `suspended`, over is `lost`. Lost is final: the session is
 * abandoned and the next connection opens another one. The server may keep the old one, and its
 * ephemeral znodes, for up to a session timeout more.
 */
export type SessionState = 'connected' | 'suspended' | 'lost';

/** What listeners are told: also when a new session replaced another while connected. */
export interface SessionChange {
  readonly state: SessionState;
  /** The session, while there is one. */
  readonly sessionId: bigint | undefined;
  /** Whether this is the first time that this session is connected: nothing is registered in it. */
  readonly isNewSession: boolean;
}

export interface KeeperComponents {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly connect: OpenConnection;
}

export interface KeeperOptions {
  readonly servers: readonly ServerAddress[];
  readonly sessionTimeoutMs: number;
}

export interface KeeperListener {
  onState(change: SessionChange): void;
  onChange(kind: ChangeKind, path: string): void;
  /** A connection is gone, and all its watches with it. */
  onConnectionGone(): void;
}

const tickShare = 1 / 8;
const probeShare = 1 / 4;
const attemptShare = 1 / 2;
const attemptMsMin = 250;
/** A connection that lived this long was a good one: the next attempt comes at once. */
const goodConnectionMs = 2_000;
const closeMsMax = 1_000;

export class SessionKeeper {
  readonly #components: KeeperComponents;
  readonly #options: KeeperOptions;
  readonly #listener: KeeperListener;
  readonly #rotation: ServerRotation;
  #state: SessionState = 'lost';
  #connection: ZookeeperConnection | undefined;
  #isOpen = false;
  #openedAtMs = 0;
  #session: OpenedSession | undefined;
  /** Whether listeners have not seen this session connected yet. */
  #isNewSession = false;
  #lastZxid = 0n;
  #lease: SessionLease | undefined;
  #probedAtMs = 0;
  #tickTimer: Timer | undefined;
  /** Ends an attempt that takes too long, or begins the next. */
  #attemptTimer: Timer | undefined;
  #onStopped: (() => void) | undefined;
  #isStopping = false;

  constructor(components: KeeperComponents, options: KeeperOptions, listener: KeeperListener) {
    assert(options.servers.length > 0, 'there is a server to connect to');
    this.#components = components;
    this.#options = options;
    this.#listener = listener;
    this.#rotation = new ServerRotation(options.servers, components.random);
  }

  /** By the clock: right also in a turn in which no timer has run since the process was stopped. */
  get state(): SessionState {
    if (this.#state !== 'connected') return this.#state;
    return this.#lease?.isValid(this.#nowMs()) ? 'connected' : 'suspended';
  }

  get sessionId(): bigint | undefined {
    return this.#session?.sessionId;
  }

  /** What the server granted, or what is asked for. */
  get sessionTimeoutMs(): number {
    return this.#session?.sessionTimeoutMs ?? this.#options.sessionTimeoutMs;
  }

  start(): void {
    assert(this.#connection === undefined && !this.#isStopping, 'a session is started once');
    this.#attempt();
  }

  /** Closes the session if the server answers within 1 s; ends the connection in any case. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#attemptTimer?.cancel();
    this.#tickTimer?.cancel();
    if (this.#connection !== undefined && this.#isOpen) {
      await new Promise<void>((resolve) => {
        this.#onStopped = resolve;
        this.#attemptTimer = this.#components.clock.schedule(closeMsMax, resolve);
        this.#connection?.closeSession();
      });
      this.#attemptTimer?.cancel();
    }
    this.#drop();
    this.#state = 'lost';
    this.#session = undefined;
  }

  /** Makes a call; every answer of the server, a refusal too, renews the lease. */
  async call<T>(send: (connection: ZookeeperConnection) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (connection === undefined || !this.#isOpen) throw new ZookeeperError('NOT_CONNECTED');
    const sentAtMs = this.#nowMs();
    try {
      const result = await send(connection);
      this.#onAnswer(connection, sentAtMs);
      return result;
    } catch (error: unknown) {
      const isAnswer = error instanceof ZookeeperError && error.isAnswer;
      if (isAnswer) this.#onAnswer(connection, sentAtMs);
      throw error;
    }
  }

  #attempt(): void {
    const server = this.#rotation.nextServer();
    const { sessionTimeoutMs } = this;
    const resume = this.#proof();
    const startedAtMs = this.#nowMs();
    this.#components.logger.debug('connecting to zookeeper', describeServer(server));
    this.#connection = this.#components.connect(
      { server, sessionTimeoutMs, ...(resume && { resume }) },
      {
        onOpen: (opened) => this.#onOpen(opened, startedAtMs),
        onChange: (kind, path) => this.#listener.onChange(kind, path),
        onEnd: (reason, detail) => this.#onEnd(reason, { ...describeServer(server), detail }),
      },
    );
    // All servers are tried within half a session.
    const shareMs = (sessionTimeoutMs * attemptShare) / this.#rotation.count;
    const limitMs = Math.max(shareMs, attemptMsMin);
    this.#attemptTimer = this.#components.clock.schedule(limitMs, () =>
      this.#onEnd('ended', { ...describeServer(server), detail: 'the server does not answer' }),
    );
  }

  #onOpen(opened: OpenedSession, startedAtMs: number): void {
    this.#attemptTimer?.cancel();
    if (opened.sessionId !== this.#session?.sessionId) this.#isNewSession = true;
    this.#session = opened;
    this.#isOpen = true;
    this.#openedAtMs = this.#nowMs();
    if (this.#isNewSession || this.#lease === undefined) {
      this.#lease = new SessionLease(opened.sessionTimeoutMs, startedAtMs);
    } else this.#lease.validate(startedAtMs);
    this.#tick();
    this.#trust();
  }

  #onEnd(reason: 'ended' | 'expired', data: LogData): void {
    const wasGood = this.#isOpen && this.#nowMs() - this.#openedAtMs >= goodConnectionMs;
    if (wasGood) this.#rotation.reset();
    this.#drop();
    if (this.#isStopping) {
      this.#onStopped?.();
      return;
    }
    this.#retryLater();
    if (reason === 'expired') this.#lose('the server has ended it', data);
    else if (this.#state === 'connected') this.#suspend('the connection ended', data);
    else this.#components.logger.debug('zookeeper connection ended', data);
  }

  #retryLater(): void {
    this.#attemptTimer?.cancel();
    const delayMs = this.#rotation.nextDelayMs();
    this.#attemptTimer = this.#components.clock.schedule(delayMs, () => this.#attempt());
  }

  /** The watchdog. */
  #tick(): void {
    const lease = this.#lease;
    if (lease === undefined || this.#isStopping) return;
    this.#tickTimer?.cancel();
    const intervalMs = lease.sessionTimeoutMs * tickShare;
    this.#tickTimer = this.#components.clock.schedule(intervalMs, () => this.#tick());
    const nowMs = this.#nowMs();
    const gapMs = lease.tick(nowMs);
    if (gapMs !== undefined) this.#components.logger.warn('the process did not run', { gapMs });
    const standing = lease.standing(nowMs);
    if (standing === 'over') {
      this.#drop();
      this.#retryLater();
      this.#lose('no answer in two thirds of a session', {});
      return;
    }
    if (standing === 'doubtful' && this.#state === 'connected') this.#suspend('no answer', {});
    const isDue = nowMs - this.#probedAtMs >= lease.sessionTimeoutMs * probeShare;
    if (this.#isOpen && isDue) this.#probe(nowMs);
  }

  #probe(nowMs: number): void {
    this.#probedAtMs = nowMs;
    // Its answer is all that counts, and `call` has seen it.
    this.call((connection) => connection.exists('/')).catch(() => undefined);
  }

  #onAnswer(connection: ZookeeperConnection, sentAtMs: number): void {
    const lease = this.#lease;
    if (connection !== this.#connection || lease === undefined || this.#isStopping) return;
    // Who looked at the state since then was told so, and waits to hear that it is over.
    if (this.#state === 'connected' && this.state === 'suspended') this.#suspend('no answer', {});
    lease.validate(sentAtMs);
    this.#trust();
  }

  /** Connected, unless the process was stopped since the request was sent: then after the next. */
  #trust(): void {
    if (this.#state === 'connected' || !this.#lease?.isValid(this.#nowMs())) return;
    this.#components.logger.info('zookeeper session is connected', {
      session: this.#session?.sessionId.toString(16),
      isNewSession: this.#isNewSession,
      sessionTimeoutMs: this.sessionTimeoutMs,
    });
    this.#setState('connected');
  }

  #suspend(why: string, data: LogData): void {
    this.#components.logger.warn('zookeeper session is suspended', { why, ...data });
    this.#setState('suspended');
  }

  #lose(why: string, data: LogData): void {
    this.#tickTimer?.cancel();
    this.#lease = undefined;
    this.#session = undefined;
    this.#isNewSession = false;
    if (this.#state === 'lost') return;
    this.#components.logger.warn('zookeeper session is lost', { why, ...data });
    this.#setState('lost');
  }

  #setState(state: SessionState): void {
    this.#state = state;
    const isNewSession = state === 'connected' && this.#isNewSession;
    if (isNewSession) this.#isNewSession = false;
    this.#listener.onState({ state, sessionId: this.sessionId, isNewSession });
  }

  #drop(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    // A server that is behind what this session has seen must refuse to go on with it.
    if (this.#isOpen) this.#lastZxid = connection.lastZxid;
    this.#connection = undefined;
    this.#isOpen = false;
    connection.destroy();
    this.#listener.onConnectionGone();
  }

  #proof(): SessionProof | undefined {
    if (this.#session === undefined) return undefined;
    const { sessionId, password } = this.#session;
    return { sessionId, password, lastZxid: this.#lastZxid };
  }

  #nowMs(): number {
    return this.#components.clock.monotonicMs();
  }
}

function describeServer({ host, port }: ServerAddress): LogData {
  return { server: `${host}:${port}` };
}
