import { createServer, type Server, type Socket } from 'node:net';
import type { OpenSocket } from '../../src/membership/zookeeper/zookeeper-connection.ts';
import type { Clock, Timer } from '../../src/runtime/clock.ts';
import { FakeRefusal, type FakeWatcher, FakeZnodes } from './fake-znodes.ts';
import { MemorySocket, type ServerEnd } from './memory-socket.ts';
import {
  type Body,
  bodies,
  type ConnectFrame,
  decodeConnect,
  decodeRequest,
  encodeConnected,
  encodeEvent,
  encodeReply,
  FrameReader,
  type RequestFrame,
} from './zookeeper-protocol.ts';

/**
 * A ZooKeeper server for tests: sessions, znodes and watches behind the real protocol, in memory
 * under a simulated clock or on TCP under the real one, with the faults of real servers and
 * networks on demand. It is one server; for an ensemble give several the same `znodes`.
 */
export interface FakeZookeeperOptions {
  /** The longest session it grants; by default what is asked for. */
  readonly sessionTimeoutMsMax?: number;
}

/**
 * `mute`: takes everything in, answers nothing. `paused`: as a stopped process, all comes later.
 * `down`: refuses connections.
 */
export type FakeState = 'up' | 'mute' | 'paused' | 'down';

/**
 * What happens instead of an answer: an error with a number; half an answer and the end of the
 * connection (`cut`); the end of the connection, the request done (`drop`) or not done (`lose`).
 */
export type FakeFault = number | 'cut' | 'drop' | 'lose';

interface FakeSession {
  readonly id: bigint;
  readonly password: Buffer;
  readonly timeoutMs: number;
  connection: FakeConnection | undefined;
  timer: Timer | undefined;
}

export class FakeZookeeper {
  readonly #clock: Clock;
  readonly #options: FakeZookeeperOptions;
  #sessions = new Map<bigint, FakeSession>();
  readonly #connections = new Set<FakeConnection>();
  readonly #faults: [RequestFrame['kind'], FakeFault][] = [];
  readonly #held: (() => void)[] = [];
  #server: Server | undefined;
  #state: FakeState = 'up';
  /** Neighbours that a JS number cannot tell apart. */
  #nextSessionId = 0x7123_4567_89ab_cde0n;
  znodes = new FakeZnodes();
  /** How much later answers come. */
  delayMs = 0;
  /** How often each kind of request came. */
  readonly requests = new Map<RequestFrame['kind'] | 'connect', number>();

  constructor(clock: Clock, options: FakeZookeeperOptions = {}) {
    this.#clock = clock;
    this.#options = options;
  }

  /** What opens connections in memory for a client whose handlers run under its own clock. */
  openSocket(client: Clock): OpenSocket {
    return () => new MemorySocket((end) => this.#accept(end), client, this.#clock);
  }

  /** Serves TCP on a free port of the loopback. @returns the port. */
  async listen(): Promise<number> {
    const server = createServer((socket) => {
      if (!this.#accept(serverEndOf(socket))) socket.destroy();
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Ends everything, timers included. */
  async stop(): Promise<void> {
    this.state = 'down';
    for (const { timer } of this.#sessions.values()) timer?.cancel();
    const server = this.#server;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  get state(): FakeState {
    return this.#state;
  }

  set state(state: FakeState) {
    this.#state = state;
    if (state === 'down') this.dropConnections();
    if (state !== 'paused') for (const act of this.#held.splice(0)) act();
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get sessionIds(): readonly bigint[] {
    return [...this.#sessions.keys()];
  }

  /** The next request of this kind ends like this. */
  plant(kind: RequestFrame['kind'], fault: FakeFault): void {
    this.#faults.push([kind, fault]);
  }

  /** Ends a session as if its time were over. */
  expire(sessionId: bigint): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    session.timer?.cancel();
    this.#sessions.delete(sessionId);
    this.znodes.endSession(sessionId);
    session.connection?.close();
  }

  dropConnections(): void {
    for (const connection of [...this.#connections]) connection.close();
  }

  /** Forgets all data and sessions, as a server that lost its disk. */
  empty(): void {
    for (const { timer } of this.#sessions.values()) timer?.cancel();
    this.#sessions.clear();
    this.znodes = new FakeZnodes();
  }

  /** Bytes that no server should send, to all clients. */
  sendRaw(bytes: Buffer): void {
    for (const connection of this.#connections) connection.write(bytes);
  }

  /** An event as if a watch had fired, `count` times in one chunk. */
  sendEvent(type: number, path: string, count = 1): void {
    this.sendRaw(Buffer.concat(Array.from({ length: count }, () => encodeEvent(type, path))));
  }

  /** Serves the same ensemble as another: its sessions and znodes. */
  shareWith(other: FakeZookeeper): void {
    this.#sessions = other.#sessions;
    this.znodes = other.znodes;
  }

  /** No session expires by time any more, as after a restart that gave each a new timeout. */
  keepSessions(): void {
    for (const { timer } of this.#sessions.values()) timer?.cancel();
  }

  /** Now, or when the server runs again. */
  run(act: () => void): void {
    if (this.#state === 'paused') this.#held.push(act);
    else act();
  }

  answerLater(act: () => void): void {
    if (this.delayMs > 0) this.#clock.schedule(this.delayMs, () => this.run(act));
    else act();
  }

  takeFault(kind: RequestFrame['kind']): FakeFault | undefined {
    const index = this.#faults.findIndex(([planted]) => planted === kind);
    return index === -1 ? undefined : this.#faults.splice(index, 1)[0]?.[1];
  }

  count(kind: RequestFrame['kind'] | 'connect'): void {
    this.requests.set(kind, (this.requests.get(kind) ?? 0) + 1);
  }

  forget(connection: FakeConnection): void {
    this.#connections.delete(connection);
  }

  /** @returns the session, or `undefined` if it has expired. */
  openSession(frame: ConnectFrame, connection: FakeConnection): FakeSession | undefined {
    const session =
      frame.sessionId === 0n ? this.#newSession(frame) : this.#sessions.get(frame.sessionId);
    if (session === undefined) return undefined;
    if (frame.sessionId !== 0n && !session.password.equals(frame.password)) return undefined;
    session.connection?.close();
    session.connection = connection;
    this.heard(session);
    return session;
  }

  /** The session lives for another timeout. */
  heard(session: FakeSession): void {
    session.timer?.cancel();
    if (!this.#sessions.has(session.id)) return;
    session.timer = this.#clock.schedule(session.timeoutMs, () =>
      this.run(() => this.expire(session.id)),
    );
  }

  #newSession({ timeoutMs }: ConnectFrame): FakeSession {
    const id = this.#nextSessionId++;
    const password = Buffer.alloc(16, Number(id % 251n) + 1);
    const { sessionTimeoutMsMax = timeoutMs } = this.#options;
    const session: FakeSession = {
      id,
      password,
      timeoutMs: Math.min(timeoutMs, sessionTimeoutMsMax),
      connection: undefined,
      timer: undefined,
    };
    this.#sessions.set(id, session);
    return session;
  }

  #accept(end: ServerEnd): boolean {
    if (this.#state === 'down') return false;
    this.#connections.add(new FakeConnection(this, end));
    return true;
  }
}

/** One connection, from the server's side. */
class FakeConnection {
  readonly #server: FakeZookeeper;
  readonly #end: ServerEnd;
  readonly #reader = new FrameReader();
  readonly #watcher: FakeWatcher = (event, path) => this.write(encodeEvent(event, path));
  #session: FakeSession | undefined;
  #isClosed = false;

  constructor(server: FakeZookeeper, end: ServerEnd) {
    this.#server = server;
    this.#end = end;
    end.onData = (chunk) => server.run(() => this.#onData(chunk));
    end.onClose = () => this.#onClose();
  }

  write(bytes: Buffer): void {
    if (!this.#isClosed && this.#server.state !== 'mute') this.#end.write(bytes);
  }

  close(): void {
    this.#end.close();
    this.#onClose();
  }

  #onClose(): void {
    this.#isClosed = true;
    this.#server.znodes.forget(this.#watcher);
    this.#server.forget(this);
    if (this.#session?.connection === this) this.#session.connection = undefined;
  }

  #onData(chunk: Buffer): void {
    if (this.#server.state === 'mute') return;
    for (const frame of this.#reader.push(chunk)) {
      if (this.#isClosed) return;
      if (this.#session === undefined) this.#connect(frame);
      else this.#request(this.#session, frame);
    }
  }

  #connect(frame: Buffer): void {
    const server = this.#server;
    server.count('connect');
    const request = decodeConnect(frame);
    // A server that is behind what the client has seen sends it to another.
    if (request.lastZxid > server.znodes.zxid) return this.close();
    this.#session = server.openSession(request, this);
    const session = this.#session;
    server.answerLater(() => {
      if (session) this.write(encodeConnected(session.timeoutMs, session.id, session.password));
      else {
        this.write(encodeConnected(0, 0n, Buffer.alloc(16)));
        this.close();
      }
    });
  }

  #request(session: FakeSession, frame: Buffer): void {
    const server = this.#server;
    server.heard(session);
    const { xid, request } = decodeRequest(frame);
    server.count(request.kind);
    const fault = server.takeFault(request.kind);
    if (fault === 'lose') return this.close();
    const reply =
      typeof fault === 'number'
        ? encodeReply(xid, server.znodes.zxid, fault)
        : this.#answer(xid, request, session.id);
    server.answerLater(() => {
      if (fault === 'cut') this.write(reply.subarray(0, Math.floor(reply.length / 2)));
      else if (fault !== 'drop') this.write(reply);
      if (fault === 'cut' || fault === 'drop' || request.kind === 'close') this.close();
    });
    if (request.kind === 'close') server.answerLater(() => server.expire(session.id));
  }

  #answer(xid: number, request: RequestFrame, sessionId: bigint): Buffer {
    const { znodes } = this.#server;
    try {
      const body = this.#perform(request, sessionId);
      return encodeReply(xid, znodes.zxid, 0, body);
    } catch (error: unknown) {
      if (!(error instanceof FakeRefusal)) throw error;
      return encodeReply(xid, znodes.zxid, error.number);
    }
  }

  #perform(request: RequestFrame, sessionId: bigint): Body | undefined {
    const { znodes } = this.#server;
    switch (request.kind) {
      case 'create':
        return bodies.create(znodes.create(request.path, request.data, request.flags, sessionId));
      case 'delete':
        znodes.delete(request.path, request.version);
        return undefined;
      case 'set':
        return bodies.set(znodes.set(request.path, request.data, request.version));
      case 'exists':
        if (request.watch) znodes.watch('node', request.path, this.#watcher);
        return bodies.exists(znodes.stat(request.path));
      case 'get': {
        const body = bodies.get(znodes.data(request.path), znodes.stat(request.path));
        if (request.watch) znodes.watch('node', request.path, this.#watcher);
        return body;
      }
      case 'children': {
        const body = bodies.children(znodes.children(request.path), znodes.stat(request.path));
        if (request.watch) znodes.watch('children', request.path, this.#watcher);
        return body;
      }
      case 'multi': {
        const { operations } = request;
        const outcome = znodes.multi(operations, sessionId);
        if ('results' in outcome) return bodies.multi(operations, outcome.results);
        return bodies.multiFailed(operations.length, outcome.index, outcome.number);
      }
      case 'ping':
      case 'close':
        return undefined;
    }
  }
}

function serverEndOf(socket: Socket): ServerEnd {
  const end: ServerEnd = {
    onData: () => undefined,
    onClose: () => undefined,
    write: (chunk) => socket.write(chunk),
    close: () => socket.destroy(),
  };
  socket.on('data', (chunk) => end.onData(chunk));
  socket.on('close', () => end.onClose());
  socket.on('error', () => undefined);
  return end;
}
