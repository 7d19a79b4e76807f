/**
 * What Quorate uses of node-zookeeper-client 1.1.3, which brings no types. `connectionManager` is
 * an internal of it: the version is pinned, and `zookeeper-connection.ts` says why it is needed.
 */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';

  /** 64 bits, big-endian. */
  export type ClientLong = Buffer;

  export interface ClientStat {
    readonly czxid: ClientLong;
    readonly mzxid: ClientLong;
    readonly version: number;
    readonly cversion: number;
    readonly ephemeralOwner: ClientLong;
    readonly numChildren: number;
  }

  export interface ClientEvent {
    readonly type: number;
    readonly path: string;
  }

  export interface ClientError extends Error {
    readonly code: number;
  }

  export type ClientWatcher = (event: ClientEvent) => void;
  export type ClientCallback<Results extends readonly unknown[]> = (
    error: ClientError | null | undefined,
    ...results: Results
  ) => void;

  export interface ClientOperation {
    version: number;
  }

  export interface ClientOperationResult {
    readonly type: number;
    readonly err?: number;
  }

  export interface ClientTransaction {
    readonly ops: ClientOperation[];
    create(path: string, data: Buffer, acls: ACL[], mode: number): ClientTransaction;
    setData(path: string, data: Buffer, version: number): ClientTransaction;
    check(path: string, version: number): ClientTransaction;
    remove(path: string, version: number): ClientTransaction;
    commit(callback: ClientCallback<[results: ClientOperationResult[] | undefined]>): void;
  }

  type IdleTimer = (timeoutMs: number, callback?: () => void) => unknown;

  /** What the client needs of a TCP connection. */
  export interface ClientSocket extends Readonly<Record<'setTimeout', IdleTimer>> {
    write(bytes: Uint8Array): boolean;
    destroy(): unknown;
    on(event: 'connect' | 'drain' | 'close', listener: () => void): unknown;
    on(event: 'data', listener: (chunk: Buffer) => void): unknown;
    on(event: 'error', listener: (error: Error) => void): unknown;
  }

  export interface ClientConnectionManager {
    socket: ClientSocket | undefined;
    zxid: ClientLong;
    connect(): void;
    setState(state: number): void;
    onSocketConnected(): void;
    onSocketData(chunk: Buffer): void;
    onSocketDrain(): void;
    onSocketClosed(): void;
  }

  export interface Client extends EventEmitter {
    readonly connectionManager: ClientConnectionManager;
    connect(): void;
    close(): void;
    getSessionId(): ClientLong;
    getSessionPassword(): Buffer;
    getSessionTimeout(): number;
    addAuthInfo(scheme: string, auth: Buffer): void;
    create(
      path: string,
      data: Buffer,
      acls: ACL[],
      mode: number,
      callback: ClientCallback<[string]>,
    ): void;
    remove(path: string, version: number, callback: ClientCallback<[]>): void;
    setData(
      path: string,
      data: Buffer,
      version: number,
      callback: ClientCallback<[ClientStat]>,
    ): void;
    exists(
      path: string,
      watcher: ClientWatcher | undefined,
      callback: ClientCallback<[ClientStat | null]>,
    ): void;
    getData(
      path: string,
      watcher: ClientWatcher | undefined,
      callback: ClientCallback<[Buffer | undefined, ClientStat]>,
    ): void;
    getChildren(
      path: string,
      watcher: ClientWatcher | undefined,
      callback: ClientCallback<[string[], ClientStat]>,
    ): void;
    transaction(): ClientTransaction;
  }

  export interface ClientOptions {
    readonly sessionTimeout: number;
    readonly retries: number;
    readonly sessionId?: ClientLong;
    readonly sessionPassword?: Buffer;
  }

  /** Who: a scheme and a name in it. */
  export interface ClientId {
    readonly scheme: string;
    readonly id: string;
  }

  /** `AUTH_IDS` is whoever makes the znode, by all names that it has proved. */
  export const Id: Readonly<Record<'ANYONE_ID_UNSAFE' | 'AUTH_IDS', ClientId>>;

  /** What somebody may do: a set of bits. */
  export const Permission: Readonly<Record<'READ' | 'ALL', number>>;

  export class ACL {
    constructor(permission: number, id: ClientId);
  }

  export function createClient(servers: string, options: ClientOptions): Client;
}
