import type { Version } from './version.ts';
import type { VersionedValue } from './versioned-value.ts';

/**
 * What a coordinator asks of one replica and what it may hear: the same for its own replica and
 * for those behind links. Plain data; who sends it is decided elsewhere.
 */
export type ReplicaRequest =
  | {
      /**
       * `read-value` and `read-version` speak of what is durable. `query-version` may name a
       * version still on its way to the disk: it only serves to choose a greater one.
       */
      readonly operation: 'read-value' | 'read-version' | 'query-version';
      readonly key: Uint8Array;
    }
  | {
      /**
       * Asks for a clock that no version of any key is newer than which the replica holds or is about
       * to store; the answer is a floor version of it. Refused with `not-now` where the replica cannot
       * tell or runs ahead: then `query-version` tells it of one key.
       */
      readonly operation: 'query-clock';
    }
  | {
      /**
       * `store` brings a new write, which a replica refuses if it is too far ahead of its clock.
       * `spread` brings a version that exists already elsewhere (write-back, read repair, hints)
       * and is never refused for the clock.
       */
      readonly operation: 'store' | 'spread';
      readonly key: Uint8Array;
      readonly record: VersionedValue;
    }
  | {
      /**
       * Names the keys of some tokens and their versions, tombstones included, in key order, and
       * those that are damaged.
       */
      readonly operation: 'list';
      /** The first key that may be named; the very first when empty. */
      readonly key: Uint8Array;
      /** The tokens, as 256 bits. */
      readonly tokens: Uint8Array;
    }
  | {
      /**
       * Names keys with the versions that a read has answered. The replica says where it holds
       * another version, and nothing of the others.
       */
      readonly operation: 'compare';
      readonly compared: readonly ComparedVersion[];
    }
  | {
      /**
       * Asks a replica to copy what it misses of some tokens from all their other replicas. Sent
       * again and again until it is done.
       */
      readonly operation: 'copy';
      /** The tokens, as 256 bits. */
      readonly tokens: Uint8Array;
      /** Tells one wish of a node from the next; random. */
      readonly round: bigint;
    }
  | ReclaimRequest;

/** The steps of a round that raises the floors of tokens; see TombstoneReclaim. */
export type ReclaimRequest =
  | {
      /** Asks for the floors of all tokens. */
      readonly operation: 'read-floors';
    }
  | {
      /** Begins a round for some tokens, and ends all others that speak of one of them. */
      readonly operation: 'join-reclaim';
      /** The tokens, as 256 bits. */
      readonly tokens: Uint8Array;
      readonly round: bigint;
      /** The floor that they are to get. */
      readonly clock: bigint;
    }
  | {
      /** Brings the greatest floors that any replica had when the round began. */
      readonly operation: 'open-reclaim';
      readonly round: bigint;
      readonly floors: Uint8Array;
    }
  | { readonly operation: 'seal-reclaim' | 'raise-reclaim'; readonly round: bigint };

/** What a replica does for others now. */
export interface ReplicaStanding {
  /** It says what it holds: not while it rebuilds a lost disk. */
  readonly servesReads: boolean;
  /** It takes stores: not while its disk is full. */
  readonly takesWrites: boolean;
}

/** A key with the version that it holds. */
export interface KeyedVersion {
  readonly key: Uint8Array;
  readonly version: Version;
}

/** A key with the version that a read has answered; `undefined` if it found nothing. */
export interface ComparedVersion {
  readonly key: Uint8Array;
  readonly version: Version | undefined;
}

/** Where a replica holds another version. */
export interface VersionDifference {
  /** Which of the compared keys it is, from 0. */
  readonly index: number;
  /** What the replica holds; `undefined` if nothing. */
  readonly version: Version | undefined;
}

export type ReplicaReply =
  | {
      readonly outcome: 'ok';
      /** What the replica holds now, after what was asked; `undefined` if nothing. */
      readonly version: Version | undefined;
      /** The record, if `read-value` was asked and one is held. */
      readonly record: VersionedValue | undefined;
      /** The replica's real time when it answered. */
      readonly clockMs: number;
    }
  | {
      readonly outcome: 'listed';
      readonly keys: readonly KeyedVersion[];
      /** Keys of the slice whose records are damaged here: nobody can tell what they hold. */
      readonly damaged: readonly Uint8Array[];
      /** Where the next slice begins; `undefined` after the last. */
      readonly next: Uint8Array | undefined;
    }
  | {
      readonly outcome: 'compared';
      readonly differences: readonly VersionDifference[];
    }
  | {
      readonly outcome: 'copying';
      /** Whether a copy that began after this round was first asked for has ended well. */
      readonly isDone: boolean;
    }
  | {
      readonly outcome: 'floors';
      /** The floor of each token; see FloorClocks. */
      readonly floors: Uint8Array;
    }
  | {
      /** Certainly nothing was stored. */
      readonly outcome: 'refused';
      readonly reason: RefusalReason;
    }
  | {
      /** A store may have happened or may still happen. */
      readonly outcome: 'unknown';
      readonly reason: 'link-broken' | 'timed-out' | 'failed';
    };

/**
 * `clock-ahead`: the version is more than 500 ms ahead of the replica's clock. `not-a-replica`: the
 * node does not hold the token. `not-sent`: the link was down, its queue full or the time over.
 * `rebuilding`: the replica has lost its disk and does not know yet what it should hold.
 * `read-only`: its disk is full. `damaged`: its record of the key is not what was written, or
 * another replica must have lost it. `below-floor`: the version is older than what the replica has
 * promised to know all of. `not-now`: something is in the way of a round, or of naming a clock.
 */
export type RefusalReason =
  | 'clock-ahead'
  | 'not-a-replica'
  | 'not-sent'
  | 'rebuilding'
  | 'read-only'
  | 'damaged'
  | 'below-floor'
  | 'not-now';

export function refused(reason: RefusalReason): ReplicaReply {
  return { outcome: 'refused', reason };
}

/** Whether a reply only says that the deadline of its request has passed. */
export function isOverdue(reply: ReplicaReply): boolean {
  return reply.outcome === 'unknown' && reply.reason === 'timed-out';
}
