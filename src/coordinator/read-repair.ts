import type { ComparedVersion } from '../record/replica-messages.ts';
import { compareVersions, type Version } from '../record/version.ts';
import { recordOfFloor, type VersionedValue } from '../record/versioned-value.ts';
import type { Clock } from '../runtime/clock.ts';
import { ComparedLately } from './compared-lately.ts';
import type { ReplicaDirectory } from './ports.ts';

/**
 * Heals the stale copies of what was read, after the answer, with the version they missed and never
 * a new one.
 *
 * Replicas that the read had heard are sent the newest version at once. The others, the slow ones
 * too, are told the version that was answered, many keys in one message, and say where they differ:
 * nearly always nowhere, and then nothing more is said. Who is behind gets the record; who is ahead
 * makes the rest be compared with its version. What was compared lately is not compared again.
 *
 * It has a small budget of its own and is the first to be shed: a repair that is left out costs
 * nothing but the next read's chance to do it.
 */
export interface ReadRepairComponents {
  readonly clock: Clock;
  readonly replicas: ReplicaDirectory;
}

/** What a read has found out. */
export interface ReadFinding {
  readonly key: Uint8Array;
  /** The newest record that any replica answered; `undefined` if none holds one. */
  readonly newest: VersionedValue | undefined;
  /** Who holds it. */
  readonly holder: string | undefined;
  /** Who answered with an older version and was not sent it. */
  readonly stale: readonly string[];
  /** Who did not answer. */
  readonly unheard: readonly string[];
  /** All replicas that can be asked. */
  readonly readable: readonly string[];
}

/** How many records a node brings at once. */
const repairsInFlightMax = 256;
/** How many keys wait to be compared, or are being compared, with one replica. */
const comparedMax = 4_096;
/** How many keys go in one message. */
const batchMax = 256;
/** How long a key waits for others to go with. */
const patienceMs = 5;
/** How long a comparison, or bringing a record, may take. */
const repairTimeoutMs = 2_000;

/** A version that some replica is to be compared with. */
interface Comparison extends ComparedVersion {
  readonly holder: string | undefined;
  readonly readable: readonly string[];
}

/** The keys to be compared with one replica. */
interface Comparisons {
  waiting: Comparison[];
  underWay: number;
  lately: ComparedLately;
}

export class ReadRepair {
  readonly #clock: Clock;
  readonly #replicas: ReplicaDirectory;
  readonly #comparisons = new Map<string, Comparisons>();
  #repairsInFlight = 0;

  constructor(components: ReadRepairComponents) {
    this.#clock = components.clock;
    this.#replicas = components.replicas;
  }

  /** A replica came back: it may have lost what it had. */
  forget(node: string): void {
    this.#of(node).lately = new ComparedLately();
  }

  /** Heals what a read met and, in a while, what it did not meet. */
  heal({ key, newest, holder, stale, unheard, readable }: ReadFinding): void {
    if (newest !== undefined) for (const node of stale) this.#spread(node, key, newest);
    const comparison = { key, version: newest?.version, holder, readable };
    for (const node of unheard) this.#compare(node, comparison);
  }

  #of(node: string): Comparisons {
    let comparisons = this.#comparisons.get(node);
    if (comparisons === undefined) {
      comparisons = { waiting: [], underWay: 0, lately: new ComparedLately() };
      this.#comparisons.set(node, comparisons);
    }
    return comparisons;
  }

  #compare(node: string, comparison: Comparison): void {
    const comparisons = this.#of(node);
    const { waiting, underWay, lately } = comparisons;
    if (waiting.length + underWay >= comparedMax) return;
    const { key, version } = comparison;
    if (version !== undefined && !lately.isNew(key, version, this.#clock.monotonicMs())) return;
    waiting.push(comparison);
    if (waiting.length === batchMax) this.#sendWaiting(node, comparisons);
    else if (waiting.length === 1) {
      this.#clock.schedule(patienceMs, () => {
        if (comparisons.waiting === waiting) this.#sendWaiting(node, comparisons);
      });
    }
  }

  #sendWaiting(node: string, comparisons: Comparisons): void {
    const compared = comparisons.waiting;
    comparisons.waiting = [];
    comparisons.underWay += compared.length;
    const request = { operation: 'compare', compared } as const;
    this.#replicas.clientOf(node).send(request, this.#deadlineMs(), (reply) => {
      comparisons.underWay -= compared.length;
      if (reply.outcome !== 'compared') return this.forget(node);
      for (const { index, version } of reply.differences) {
        const comparison = compared[index];
        if (comparison === undefined) continue;
        comparisons.lately.forget(comparison.key);
        this.#settle(node, comparison, version);
      }
    });
  }

  #settle(node: string, comparison: Comparison, held: Version | undefined): void {
    if (compareVersions(held, comparison.version) < 0) return this.#bring(node, comparison);
    const { key, readable } = comparison;
    for (const other of readable) {
      if (other !== node) this.#compare(other, { key, version: held, holder: node, readable });
    }
  }

  /** Fetches the record for a replica that is behind. */
  #bring(node: string, { key, version, holder }: Comparison): void {
    const floor = recordOfFloor(version);
    if (floor !== undefined) return this.#spread(node, key, floor);
    if (holder === undefined || !this.#takeBudget()) return;
    const request = { operation: 'read-value', key } as const;
    this.#replicas.clientOf(holder).send(request, this.#deadlineMs(), (reply) => {
      this.#repairsInFlight--;
      if (reply.outcome !== 'ok') return;
      const record = reply.record ?? recordOfFloor(reply.version);
      if (record !== undefined) this.#spread(node, key, record);
    });
  }

  #spread(node: string, key: Uint8Array, record: VersionedValue): void {
    if (!this.#replicas.takesWrites(node) || !this.#takeBudget()) return;
    const request = { operation: 'spread', key, record } as const;
    this.#replicas.clientOf(node).send(request, this.#deadlineMs(), () => {
      this.#repairsInFlight--;
    });
  }

  #takeBudget(): boolean {
    if (this.#repairsInFlight >= repairsInFlightMax) return false;
    this.#repairsInFlight++;
    return true;
  }

  #deadlineMs(): number {
    return this.#clock.monotonicMs() + repairTimeoutMs;
  }
}
