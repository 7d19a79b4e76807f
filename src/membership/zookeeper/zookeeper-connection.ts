import { connect as connectSocket } from 'node:net';
import {
  type ACL,
  type Client,
  type ClientCallback,
  type ClientOperationResult,
  type ClientSocket,
  type ClientStat,
  createClient,
} from 'node-zookeeper-client';
import { asBuffer } from '../../base/bytes.ts';
import {
  accessOf,
  anyVersion,
  describeFailed,
  fromClientStat,
  fromLong,
  toLong,
  toModeNumber,
  toTransaction,
} from './client-values.ts';
import type {
  ConnectionListener,
  ConnectionRequest,
  ServerAddress,
  Stat,
  ZnodeMode,
  ZnodeOperation,
  ZookeeperConnection,
} from './connection.ts';
import { ZookeeperError } from './zookeeper-error.ts';

/**
 * One client object of node-zookeeper-client for exactly one TCP connection, and all that Quorate
 * knows of the client's inside. Used as its manual says, the client does this:
 *
 * - bytes of half a frame survive a reconnect, so the first reply on the new connection is read as
 *   garbage, and it never connects again: here a connection that ended is the end of the object;
 * - its data handler throws on error codes and events that it does not know (a session that moved
 *   is enough), which ends the process: here one place catches, and ends the connection;
 * - many frames in one chunk are handled by recursion: here in a loop;
 * - calls that are queued when the session ends never call back: here all open calls fail at once;
 * - `close()` throws before there is a socket, and waits for a hung server for ever: here there is
 *   `destroy()`, which needs no server;
 * - a transaction reads version 0 as "any version": here versions are put in afterwards;
 * - it cuts addresses at colons: here it never sees them;
 * - 64-bit numbers are Buffers, which `===` tells apart when they are equal: here they are bigints.
 *
 * What it does not do: time. The caller destroys what takes too long.
 */
const expiredState = 'EXPIRED';
const connectedState = 'SYNC_CONNECTED';
const connectingNumber = 1;
const sessionExpiredNumber = -112;

/** Opens the TCP connection to a server. */
export type OpenSocket = (server: ServerAddress) => ClientSocket;

const openTcpSocket: OpenSocket = ({ host, port }) => connectSocket({ host, port, noDelay: true });

/**
 * Opens connections with the real client.
 *
 * @param openSocket is TCP unless a test brings its own.
 * @param auth `user:password`: only who proves the same may change what is made here. Everybody may
 * if it is not given; everybody may read in any case.
 */
export function clientConnections(openSocket: OpenSocket = openTcpSocket, auth?: string) {
  return (request: ConnectionRequest, listener: ConnectionListener): ZookeeperConnection =>
    new ClientConnection(openSocket, auth, request, listener);
}

class ClientConnection implements ZookeeperConnection {
  readonly #openSocket: OpenSocket;
  readonly #request: ConnectionRequest;
  readonly #listener: ConnectionListener;
  readonly #client: Client;
  readonly #access: ACL[];
  /** The open calls, by what fails them. */
  readonly #open = new Set<(error: ZookeeperError) => void>();
  readonly #onNodeEvent = ({ path }: { path: string }) => this.#tellChange('node', path);
  readonly #onChildrenEvent = ({ path }: { path: string }) => this.#tellChange('children', path);
  #hasEnded = false;

  constructor(
    openSocket: OpenSocket,
    auth: string | undefined,
    request: ConnectionRequest,
    listener: ConnectionListener,
  ) {
    this.#openSocket = openSocket;
    this.#request = request;
    this.#listener = listener;
    const { resume, sessionTimeoutMs } = request;
    this.#client = createClient('none', {
      sessionTimeout: sessionTimeoutMs,
      retries: 0,
      ...(resume && { sessionId: toLong(resume.sessionId), sessionPassword: resume.password }),
    });
    this.#access = accessOf(auth !== undefined);
    if (auth !== undefined) this.#client.addAuthInfo('digest', Buffer.from(auth));
    this.#takeOverSocket();
    if (resume) this.#client.connectionManager.zxid = toLong(resume.lastZxid);
    this.#client.on('state', (state: { readonly name: string }) => this.#onClientState(state.name));
    this.#client.connect();
  }

  get lastZxid(): bigint {
    return fromLong(this.#client.connectionManager.zxid);
  }

  async create(path: string, data: Uint8Array, mode: ZnodeMode): Promise<string> {
    const [created] = await this.#call<[string]>(
      (done) => this.#client.create(path, asBuffer(data), this.#access, toModeNumber(mode), done),
      () => path,
    );
    return created;
  }

  async exists(path: string, watch = false): Promise<Stat | undefined> {
    const watcher = watch ? this.#onNodeEvent : undefined;
    const [stat] = await this.#call<[ClientStat | null]>(
      (done) => this.#client.exists(path, watcher, done),
      () => path,
    );
    return stat === null ? undefined : fromClientStat(stat);
  }

  async get(path: string, watch: boolean): Promise<{ data: Uint8Array; stat: Stat }> {
    const watcher = watch ? this.#onNodeEvent : undefined;
    const [data, stat] = await this.#call<[Buffer | undefined, ClientStat]>(
      (done) => this.#client.getData(path, watcher, done),
      () => path,
    );
    return { data: data ?? new Uint8Array(), stat: fromClientStat(stat) };
  }

  async children(path: string, watch: boolean): Promise<readonly string[]> {
    const watcher = watch ? this.#onChildrenEvent : undefined;
    const [names] = await this.#call<[string[], ClientStat]>(
      (done) => this.#client.getChildren(path, watcher, done),
      () => path,
    );
    return names;
  }

  async set(path: string, data: Uint8Array, version = anyVersion): Promise<Stat> {
    const [stat] = await this.#call<[ClientStat]>(
      (done) => this.#client.setData(path, asBuffer(data), version, done),
      () => path,
    );
    return fromClientStat(stat);
  }

  async delete(path: string, version = anyVersion): Promise<void> {
    await this.#call<[]>(
      (done) => this.#client.remove(path, version, done),
      () => path,
    );
  }

  async multi(operations: readonly ZnodeOperation[]): Promise<void> {
    const transaction = toTransaction(this.#client.transaction(), this.#access, operations);
    await this.#call<[ClientOperationResult[] | undefined]>(
      (done) => transaction.commit(done),
      (results) => describeFailed(operations, results),
    );
  }

  closeSession(): void {
    this.#contain(() => this.#client.close());
  }

  destroy(): void {
    this.#hasEnded = true;
    this.#client.connectionManager.socket?.destroy();
    for (const fail of [...this.#open]) fail(new ZookeeperError('CONNECTION_LOST'));
  }

  #end(reason: 'ended' | 'expired', detail?: string): void {
    if (this.#hasEnded) return;
    // Before the calls fail: who reacts to that sees the new state.
    queueMicrotask(() => this.#listener.onEnd(reason, detail));
    this.destroy();
  }

  /** Opens the socket in the client's place: once, and with its handlers contained. */
  #takeOverSocket(): void {
    const manager = this.#client.connectionManager;
    manager.connect = () => {
      if (manager.socket !== undefined) return;
      manager.setState(connectingNumber);
      const socket = this.#openSocket(this.#request.server);
      manager.socket = socket;
      let lastError: string | undefined;
      socket.on('connect', () => this.#contain(() => manager.onSocketConnected()));
      socket.on('drain', () => this.#contain(() => manager.onSocketDrain()));
      socket.on('error', (error) => {
        lastError = error.message;
      });
      socket.on('close', () => {
        this.#contain(() => manager.onSocketClosed());
        this.#end('ended', lastError);
      });
      socket.on('data', (chunk) => this.#contain(() => manager.onSocketData(chunk)));
    };
    // The client calls its handler again for each further frame: turned into a loop.
    const handle = manager.onSocketData;
    let isInside = false;
    let hasMore = false;
    manager.onSocketData = (chunk) => {
      hasMore = true;
      if (isInside) return;
      isInside = true;
      for (let next = chunk; hasMore && !this.#hasEnded; next = Buffer.alloc(0)) {
        hasMore = false;
        handle.call(manager, next);
      }
      isInside = false;
    };
  }

  /** The one place where what the client throws ends: with it, the client cannot be trusted. */
  #contain(act: () => void): void {
    if (this.#hasEnded) return;
    try {
      act();
    } catch (error: unknown) {
      this.#end('ended', `the client threw: ${error instanceof Error ? error.message : error}`);
    }
  }

  #onClientState(name: string): void {
    if (this.#hasEnded) return;
    if (name === expiredState) this.#end('expired');
    if (name !== connectedState) return;
    const opened = {
      sessionId: fromLong(this.#client.getSessionId()),
      password: this.#client.getSessionPassword(),
      sessionTimeoutMs: this.#client.getSessionTimeout(),
    };
    this.#tell(() => this.#listener.onOpen(opened));
  }

  #tellChange(kind: 'node' | 'children', path: string): void {
    this.#tell(() => this.#listener.onChange(kind, path));
  }

  /** Calls outside the data handler: what a listener throws is not the client's. */
  #tell(act: () => void): void {
    queueMicrotask(() => {
      if (!this.#hasEnded) act();
    });
  }

  #call<Results extends readonly unknown[]>(
    send: (done: ClientCallback<Results>) => void,
    describe: (...results: Results) => string,
  ): Promise<Results> {
    return new Promise((resolve, reject) => {
      const fail = (error: ZookeeperError) => {
        this.#open.delete(fail);
        reject(error);
      };
      if (this.#hasEnded) return reject(new ZookeeperError('NOT_CONNECTED'));
      this.#open.add(fail);
      send((error, ...results) => {
        this.#open.delete(fail);
        if (!error) return resolve(results);
        reject(ZookeeperError.fromNumber(error.code, describe(...results)));
        if (error.code === sessionExpiredNumber) this.#end('expired');
      });
    });
  }
}
