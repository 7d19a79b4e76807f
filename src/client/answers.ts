/** What a client gets back, in plain types. Times are milliseconds. */
import type { ConsistencyLevel } from '../consistency/consistency-level.ts';
import type { KeySpelling } from '../wire/key-form.ts';
import type { PlainValue } from '../wire/value-form.ts';

export type { PlainValue };

/** The answer to a get. */
export interface GetAnswer {
  /** The value as it was written; `undefined` if the key is absent. */
  readonly value: PlainValue | undefined;
  /** The version of what was read or of its deletion; empty if the key was never written. */
  readonly version: string;
  readonly writeTimeMs: number | undefined;
  /** From when on the value is absent, also if that has come; `undefined` if it never expires. */
  readonly expireTimeMs: number | undefined;
  readonly explanation: ExplanationAnswer | undefined;
}

/** The answer to a put or a delete. */
export interface WriteAnswer {
  /** The version of this write. A newer version compares greater as text. */
  readonly version: string;
  readonly writeTimeMs: number | undefined;
  readonly explanation: ExplanationAnswer | undefined;
}

/** Which replicas said what. */
export interface ExplanationAnswer {
  readonly coordinator: string;
  readonly ringEpoch: number;
  readonly token: number;
  readonly consistency: ConsistencyLevel;
  readonly required: number;
  readonly received: number;
  readonly replicas: readonly {
    readonly node: string;
    readonly state: 'answered' | 'pending' | 'timed-out' | 'down' | 'failed' | 'not-asked';
    readonly isHinted: boolean;
    readonly version: string;
    readonly milliseconds: number;
  }[];
  readonly writeBacks: number;
  readonly repairsStarted: number;
  readonly hintsStarted: number;
  readonly isSuperseded: boolean;
}

/** Where a key lives. */
export interface LocateAnswer {
  readonly token: number;
  readonly preferenceList: readonly string[];
  readonly ringEpoch: number;
}

/** The cluster as one node sees it. */
export interface ClusterAnswer {
  readonly node: string;
  /** The place of the node in the replicas file; the first is 1. */
  readonly serverId: number;
  readonly nodeCount: number;
  readonly clusterName: string;
  readonly status: 'initializing' | 'ready' | 'draining';
  readonly ringEpoch: number;
  readonly partitioner: string;
  readonly replicationFactor: number;
  readonly mode: string;
  readonly membership: string;
  readonly membershipState: string;
  /** Empty where nobody is elected. */
  readonly leader: string;
  readonly standby: string;
  readonly storage: string;
  readonly clock: 'agrees' | 'uncompared' | 'apart';
  readonly entries: number;
  /** How far the rebuild of a lost disk has come; `undefined` if none is going on. */
  readonly rebuild: RebuildAnswer | undefined;
  /** How many keys wait to be healed. */
  readonly damagedKeys: number;
  /** When all records were last checked; `undefined` if never in this run. */
  readonly lastScrubTimeMs: number | undefined;
  readonly nodes: readonly NodeAnswer[];
}

interface RebuildAnswer {
  readonly sourcesDone: number;
  readonly sources: number;
  readonly keysCopied: number;
}

/** One node as another sees it. */
export interface NodeAnswer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly incarnation: string;
  readonly liveness: 'up' | 'down' | 'unknown';
  readonly tokensOwned: number;
  readonly hintsWaiting: number;
  /** Of how many tokens it may miss a write for which no hint is kept. */
  readonly dirtyTokens: number;
  readonly roundTripMs: number | undefined;
  readonly clockAheadMs: number | undefined;
  readonly problem: string;
  /** Whether it is registered in ZooKeeper; `undefined` without one. */
  readonly registered: boolean | undefined;
}

/** One key as one node holds it. */
export interface EntryAnswer {
  readonly key: KeySpelling;
  /** `undefined` for a tombstone. */
  readonly value: PlainValue | undefined;
  readonly version: string;
  readonly writeTimeMs: number | undefined;
  /** From when on it reads as absent; `undefined` if it never expires. */
  readonly expireTimeMs: number | undefined;
  readonly token: number;
}

/** The missed writes that one node keeps for another. */
export interface HintTargetAnswer {
  readonly node: string;
  readonly count: number;
  readonly bytes: number;
  readonly oldestAgeMs: number | undefined;
  readonly dirtyTokens: readonly number[];
  readonly dropped: number;
}

/** A record that is brought back: a tombstone if it has no value. */
export type ImportedEntry = Pick<EntryAnswer, 'key' | 'value' | 'version' | 'expireTimeMs'>;
