import { NodeMap } from '../consistency/node-map.ts';
import { NodeSet } from '../consistency/node-set.ts';
import { compareVersions, newerVersion, type Version } from '../record/version.ts';
import { recordOfFloor, type VersionedValue } from '../record/versioned-value.ts';
import type { ReplicaPlan } from './replica-plan.ts';

/**
 * Decides a get from what the replicas say. Pure: the shell asks `step()` what to do, does it, and
 * adds what it hears.
 *
 * QUORUM and ALL follow the read of Attiya, Bar-Noy and Dolev (1995): before the newest version v
 * is returned, the required number of replicas must hold it, else the next read could miss it.
 * They must hold exactly v: "at least v" would count a replica that moved on to a write of level
 * ONE which no quorum has seen, and such a read can be contradicted.
 *
 * A replica that fails is no longer counted. The answers of the others stay good, since all were
 * given during this read.
 */
export type ReadStep =
  | { readonly kind: 'wait' }
  | { readonly kind: 'ask'; readonly node: string }
  | { readonly kind: 'fetch'; readonly node: string }
  | {
      readonly kind: 'write-back';
      readonly record: VersionedValue;
      readonly nodes: readonly string[];
    }
  | { readonly kind: 'answer'; readonly record: VersionedValue | undefined }
  | { readonly kind: 'unreachable' };

export class ReadCore {
  readonly #plan: ReplicaPlan;
  readonly #asked: NodeSet;
  readonly #failed: NodeSet;
  readonly #held: NodeMap<Version | undefined>;
  readonly #writtenBack: NodeMap<Version>;
  /** The newest version that is held, as far as was heard. */
  #newest: Version | undefined;
  #newestRecord: VersionedValue | undefined;
  #fetchingFrom: string | undefined;
  #fetchingVersion: Version | undefined;

  constructor(plan: ReplicaPlan) {
    this.#plan = plan;
    this.#asked = new NodeSet(plan.replicas);
    this.#failed = new NodeSet(plan.replicas);
    this.#held = new NodeMap(plan.replicas);
    this.#writtenBack = new NodeMap(plan.replicas);
  }

  /** Notes that a replica was asked for its version or value. */
  markAsked(node: string): void {
    this.#asked.add(node);
  }

  /** Notes that a replica was sent a version to store. */
  markWrittenBack(node: string, version: Version): void {
    this.#writtenBack.set(node, version);
  }

  /**
   * A replica holds a version: its answer to a read or to a write-back. Answers may come in any
   * order; a replica never lowers a version, so the newest counts.
   */
  addHeld(node: string, version: Version | undefined, record?: VersionedValue): void {
    if (this.#failed.has(node)) return;
    this.#held.set(node, newerVersion(this.#held.get(node), version));
    this.#newest = newerVersion(this.#newest, version);
    if (compareVersions(record?.version, this.#newestRecord?.version) > 0) {
      this.#newestRecord = record;
    }
  }

  /** The replica whose value was being fetched answers. */
  addFetched(node: string, version: Version | undefined, record?: VersionedValue): void {
    if (this.#fetchingFrom !== node) return this.addHeld(node, version, record);
    this.#fetchingFrom = undefined;
    // It no longer holds what it named: a replica in memory that was started anew.
    if (compareVersions(version, this.#fetchingVersion) < 0) this.addFailure(node);
    else this.addHeld(node, version, record);
  }

  /** A replica gives no answer, or no longer gives the value it answered for. */
  addFailure(node: string): void {
    if (this.#fetchingFrom === node) this.#fetchingFrom = undefined;
    this.#failed.add(node);
    this.#held.delete(node);
    this.#newest = undefined;
    for (const other of this.#plan.replicas) {
      this.#newest = newerVersion(this.#newest, this.#held.get(other));
    }
    // A record that nobody holds any more would hide the older ones: their values are fetched.
    if (this.newestRecord() === undefined) this.#newestRecord = undefined;
  }

  /** Notes that the value is being fetched from a replica. */
  markFetching(node: string): void {
    this.#fetchingFrom = node;
    this.#fetchingVersion = this.#held.get(node);
  }

  /** How many replicas have answered. */
  get received(): number {
    return this.#held.size;
  }

  get failed(): number {
    return this.#failed.size;
  }

  hasAnswered(node: string): boolean {
    return this.#held.has(node);
  }

  hasFailed(node: string): boolean {
    return this.#failed.has(node);
  }

  wasAsked(node: string): boolean {
    return this.#asked.has(node);
  }

  heldBy(node: string): Version | undefined {
    return this.#held.get(node);
  }

  /** The next live replica that was not asked yet, nearest first. */
  nextToAsk(): string | undefined {
    return this.#plan.readable.find((node) => !this.#asked.has(node));
  }

  /** The newest version that any replica answered. */
  newest(): Version | undefined {
    return this.#newest;
  }

  /** The newest record, if its value is in hand. */
  newestRecord(): VersionedValue | undefined {
    const newest = this.newest();
    const floor = recordOfFloor(newest);
    if (floor !== undefined) return floor;
    const isCurrent = compareVersions(this.#newestRecord?.version, newest) === 0;
    return isCurrent ? this.#newestRecord : undefined;
  }

  /** The replicas that answered with less than the newest version and were not sent it. */
  stale(): readonly string[] {
    const newest = this.newest();
    if (newest === undefined) return [];
    return this.#plan.readable.filter(
      (node) => this.#held.has(node) && this.#isBehind(node, newest) && !this.#isSent(node, newest),
    );
  }

  /** A replica that holds the newest version, to fetch its value from. */
  holderOfNewest(): string | undefined {
    const newest = this.newest();
    return this.#plan.readable.find(
      (node) => this.#held.has(node) && compareVersions(this.#held.get(node), newest) === 0,
    );
  }

  /** What to do now. */
  step(): ReadStep {
    if (this.#held.size < this.#plan.required) return this.#gather();
    const newest = this.newest();
    if (newest === undefined) return { kind: 'answer', record: undefined };
    const record = this.newestRecord();
    if (record === undefined) return this.#fetch();
    if (!this.#plan.isLinearizable || this.#holders(newest) >= this.#plan.required) {
      return { kind: 'answer', record };
    }
    return this.#spread(record);
  }

  #gather(): ReadStep {
    const { readable, required } = this.#plan;
    if (readable.length - this.#failed.size < required) return { kind: 'unreachable' };
    const onTheWay = readable.filter((node) => this.#isOnTheWay(node)).length;
    const node = this.nextToAsk();
    return onTheWay < required && node !== undefined ? { kind: 'ask', node } : { kind: 'wait' };
  }

  #isOnTheWay(node: string): boolean {
    return this.#asked.has(node) && !this.#failed.has(node);
  }

  #fetch(): ReadStep {
    if (this.#fetchingFrom !== undefined) return { kind: 'wait' };
    const node = this.holderOfNewest();
    return node === undefined ? { kind: 'wait' } : { kind: 'fetch', node };
  }

  #spread(record: VersionedValue): ReadStep {
    const behind = this.#plan.readable.filter(
      (node) => !this.#failed.has(node) && this.#isBehind(node, record.version),
    );
    const nodes = behind.filter((node) => !this.#isSent(node, record.version));
    return nodes.length === 0 ? { kind: 'wait' } : { kind: 'write-back', record, nodes };
  }

  #holders(version: Version): number {
    const holds = (node: string) => compareVersions(this.#held.get(node), version) === 0;
    return this.#plan.replicas.filter(holds).length;
  }

  #isBehind(node: string, version: Version): boolean {
    return compareVersions(this.#held.get(node), version) < 0;
  }

  #isSent(node: string, version: Version): boolean {
    return compareVersions(this.#writtenBack.get(node), version) >= 0;
  }
}
