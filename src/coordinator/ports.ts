import type { ReplicaReply, ReplicaRequest } from '../record/replica-messages.ts';
import type { VersionedValue } from '../record/versioned-value.ts';
import type { Token } from '../ring/partitioner.ts';

/** What the coordinator needs from the rest of the node. */

/** One replica: the node's own, or one behind a link. */
export interface ReplicaClient {
  /**
   * Asks the replica. `onReply` is called once, perhaps before this returns; some time after
   * `deadlineMs` (monotonic) it is told that the reply is overdue. A patient request, which no
   * caller waits for, may wait some milliseconds for others to go with.
   */
  send(
    request: ReplicaRequest,
    deadlineMs: number,
    onReply: (reply: ReplicaReply) => void,
    urgency?: 'urgent' | 'patient',
  ): void;
  /** Whether a request of so many bytes would be queued now. */
  hasRoom(bytes: number): boolean;
}

/** All replicas, and which of them can be reached. */
export interface ReplicaDirectory {
  clientOf(node: string): ReplicaClient;
  /** Whether the node can be asked now, and says what it holds: a rebuilding one does not. */
  servesReads(node: string): boolean;
  /** Whether the node can be asked now, and takes stores: one whose disk is full does not. */
  takesWrites(node: string): boolean;
  /** How far away a node is; the own replica is 0. Only the order matters. */
  distanceMs(node: string): number;
}

/**
 * Makes durable, before a write is sent anywhere, what a restart of this node must know of it: that
 * its clock has been used, and that the token was being written.
 */
export interface WriteGuard {
  /**
   * Calls back once that is durable, at once if it already is; with `false` if it cannot be.
   */
  cover(token: Token, clock: bigint, onCovered: (isCovered: boolean) => void): void;
}

/** Where writes go that a replica missed. */
export interface HintSink {
  /** Keeps a write for a target, or marks its token DIRTY if that cannot be. Never throws. */
  keep(target: string, key: Uint8Array, record: VersionedValue): void;
}
