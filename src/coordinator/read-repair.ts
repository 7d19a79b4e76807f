import type { VersionedValue } from '../record/versioned-value.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ReplicaDirectory } from './ports.ts';
import type { ReadCore } from './read-core.ts';

/**
 * Heals the stale copies that a read met, after its answer, with the version they missed and never
 * a new one. Late answers are looked at too: the slow replica is the likeliest to be stale.
 *
 * It has a small budget of its own and is the first to be shed: a repair that is left out costs
 * nothing but the next read's chance to do it.
 */

/** How many repairs a node runs at once. */
const repairsInFlightMax = 256;
/** How long a repair may take. */
const repairTimeoutMs = 2_000;

/** Counts the repairs in flight on one node. */
export class RepairBudget {
  #inFlight = 0;

  take(): boolean {
    if (this.#inFlight >= repairsInFlightMax) return false;
    this.#inFlight++;
    return true;
  }

  giveBack(): void {
    this.#inFlight--;
  }
}

export interface ReadRepairComponents {
  readonly clock: Clock;
  readonly replicas: ReplicaDirectory;
  readonly repairBudget: RepairBudget;
}

export class ReadRepair {
  readonly #clock: Clock;
  readonly #replicas: ReplicaDirectory;
  readonly #budget: RepairBudget;
  readonly #key: Uint8Array;
  readonly #core: ReadCore;

  constructor(components: ReadRepairComponents, key: Uint8Array, core: ReadCore) {
    this.#clock = components.clock;
    this.#replicas = components.replicas;
    this.#budget = components.repairBudget;
    this.#key = key;
    this.#core = core;
  }

  /**
   * Heals what the answers so far show; called again after each late answer.
   *
   * @returns how many replicas are being healed by this call.
   */
  heal(): number {
    const stale = this.#core.stale();
    if (stale.length === 0) return 0;
    const record = this.#core.newestRecord();
    if (record === undefined) this.#fetchNewest();
    else for (const node of stale) this.#spread(node, record);
    return stale.length;
  }

  /** Sends the newest version to a replica that did not answer in time. */
  healLate(node: string): void {
    const record = this.#core.newestRecord();
    if (record !== undefined) this.#spread(node, record);
  }

  #fetchNewest(): void {
    const holder = this.#core.holderOfNewest();
    if (holder === undefined || !this.#budget.take()) return;
    const deadlineMs = this.#clock.monotonicMs() + repairTimeoutMs;
    const request = { operation: 'read-value', key: this.#key } as const;
    this.#replicas.clientOf(holder).send(request, deadlineMs, (reply) => {
      this.#budget.giveBack();
      if (reply.outcome !== 'ok') return;
      this.#core.addHeld(holder, reply.version, reply.record);
      if (this.#core.newestRecord() !== undefined) this.heal();
    });
  }

  #spread(node: string, record: VersionedValue): void {
    if (!this.#replicas.takesWrites(node) || !this.#budget.take()) return;
    this.#core.markWrittenBack(node, record.version);
    const deadlineMs = this.#clock.monotonicMs() + repairTimeoutMs;
    const request = { operation: 'spread', key: this.#key, record } as const;
    this.#replicas.clientOf(node).send(request, deadlineMs, () => this.#budget.giveBack());
  }
}
