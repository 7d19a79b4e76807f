/**
 * What a session needs of one connection to one ZooKeeper server. An interface, so that tests can
 * put anything in its place; `zookeeper-connection.ts` makes the real ones.
 */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What the server knows of a znode; numbers of 64 bits are bigints. */
export interface Stat {
  /** The transaction that created it: new when it is deleted and created again. */
  readonly czxid: bigint;
  /** The transaction that last changed its data. */
  readonly mzxid: bigint;
  readonly version: number;
  readonly childrenVersion: number;
  /** The session that it dies with; 0 if it outlives sessions. */
  readonly ephemeralOwner: bigint;
  readonly childrenCount: number;
}

export type ZnodeMode = 'persistent' | 'ephemeral' | 'ephemeral-sequential';

/** A part of a transaction. Without a version, any will do. */
export type ZnodeOperation =
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Uint8Array;
      readonly mode: ZnodeMode;
    }
  | {
      readonly kind: 'set';
      readonly path: string;
      readonly data: Uint8Array;
      readonly version?: number;
    }
  | { readonly kind: 'delete' | 'check'; readonly path: string; readonly version?: number };

/** What proves to a server that a session is one's own. */
export interface SessionProof {
  readonly sessionId: bigint;
  readonly password: Buffer;
  /** The last transaction seen: a server that is behind it refuses the connection. */
  readonly lastZxid: bigint;
}

export interface ConnectionRequest {
  readonly server: ServerAddress;
  readonly sessionTimeoutMs: number;
  /** The session to go on with; without it, a new one. */
  readonly resume?: SessionProof;
}

export interface OpenedSession {
  readonly sessionId: bigint;
  readonly password: Buffer;
  /** What the server granted. */
  readonly sessionTimeoutMs: number;
}

/** Called outside of all handlers of the client, and not after `destroy()`. */
export interface ConnectionListener {
  onOpen(opened: OpenedSession): void;
  /** A watch fired: of a znode itself, or of the names of its children. */
  onChange(kind: ChangeKind, path: string): void;
  /** The last call, once. */
  onEnd(reason: 'ended' | 'expired', detail: string | undefined): void;
}

export type ChangeKind = 'node' | 'children';

/** Calls fail with ZookeeperError only. Watches fire once and end with the connection. */
export interface ZookeeperConnection {
  readonly lastZxid: bigint;
  create(path: string, data: Uint8Array, mode: ZnodeMode): Promise<string>;
  exists(path: string, watch?: boolean): Promise<Stat | undefined>;
  get(path: string, watch: boolean): Promise<{ data: Uint8Array; stat: Stat }>;
  children(path: string, watch: boolean): Promise<readonly string[]>;
  set(path: string, data: Uint8Array, version?: number): Promise<Stat>;
  delete(path: string, version?: number): Promise<void>;
  /** All or nothing. */
  multi(operations: readonly ZnodeOperation[]): Promise<void>;
  /** Asks the server to end the session; `onEnd` follows if it does. */
  closeSession(): void;
  /** Ends the connection at once; open calls fail. */
  destroy(): void;
}

export type OpenConnection = (
  request: ConnectionRequest,
  listener: ConnectionListener,
) => ZookeeperConnection;
