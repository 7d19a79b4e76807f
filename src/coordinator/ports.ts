import type { ReplicaReply, ReplicaRequest } from '../record/replica-messages.ts';
import type { VersionedValue } from '../record/versioned-value.ts';

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
  /** Whether the node can be asked now. */
  isLive(node: string): boolean;
  /** How far away a node is; the own replica is 0. Only the order matters. */
  distanceMs(node: string): number;
}

/** Where writes go that a replica missed. */
export interface HintSink {
  /** Keeps a write for a target, or marks its token DIRTY if that cannot be. Never throws. */
  keep(target: string, key: Uint8Array, record: VersionedValue): void;
}
