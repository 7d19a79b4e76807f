import { NodeMap } from '../consistency/node-map.ts';
import { NodeSet } from '../consistency/node-set.ts';
import { type QuorumOutcome, QuorumTally } from '../consistency/quorum-tally.ts';
import { compareVersions, newerVersion, type Version } from '../record/version.ts';
import type { ReplicaPlan } from './replica-plan.ts';

/**
 * Decides a put or a delete from what the replicas say. Pure: the shell sends and waits.
 *
 * At QUORUM and ALL it is the write of the multi-writer register of Attiya, Bar-Noy and Dolev
 * (1995; many writers by Lynch and Shvartsman, 1997): first ask a quorum for what no completed write
 * of the key is newer than, then store under a greater version. The weaker levels go straight to the
 * second phase.
 */
export class WriteCore {
  readonly #plan: ReplicaPlan;
  readonly #query: QuorumTally;
  readonly #stores: QuorumTally;
  readonly #queryClocksMs: NodeMap<number>;
  readonly #held: NodeMap<Version>;
  readonly #refused: NodeSet;
  #newestSeen: Version | undefined;

  constructor(plan: ReplicaPlan) {
    this.#plan = plan;
    this.#query = new QuorumTally(plan.required, plan.readable);
    this.#stores = new QuorumTally(plan.required, plan.writable);
    this.#refused = new NodeSet(plan.writable);
    this.#queryClocksMs = new NodeMap(plan.replicas);
    this.#held = new NodeMap(plan.replicas);
  }

  /** A replica named the newest version it has seen and its real time. */
  addVersion(node: string, version: Version | undefined, clockMs: number): void {
    this.#query.succeed(node);
    this.#queryClocksMs.set(node, clockMs);
    this.#newestSeen = newerVersion(this.#newestSeen, version);
  }

  /** A replica will not name its version. */
  addVersionFailure(node: string): void {
    this.#query.fail(node);
  }

  queryOutcome(): QuorumOutcome {
    return this.#query.outcome();
  }

  /** Whether every replica that was asked has named its version or will not. */
  hasHeardAll(): boolean {
    return this.#query.received + this.#query.failed === this.#plan.readable.length;
  }

  get versionsReceived(): number {
    return this.#query.received;
  }

  hasNamedVersion(node: string): boolean {
    return this.#queryClocksMs.has(node);
  }

  /** The newest version that any replica named. */
  get newestSeen(): Version | undefined {
    return this.#newestSeen;
  }

  /** By how much `sentAtMs` was ahead of the clocks of all other nodes that answered the query. */
  aheadOfOthersMs(self: string, sentAtMs: number): number | undefined {
    let aheadMs: number | undefined;
    for (const node of this.#plan.readable) {
      const clockMs = this.#queryClocksMs.get(node);
      if (node === self || clockMs === undefined) continue;
      aheadMs = Math.min(aheadMs ?? Number.POSITIVE_INFINITY, sentAtMs - clockMs);
    }
    return aheadMs;
  }

  /** A replica acknowledged; it now holds `version`, this write's or a newer one. */
  addStored(node: string, version: Version): void {
    this.#stores.succeed(node);
    this.#held.set(node, version);
  }

  /** A replica certainly did not store it. */
  addRefused(node: string): void {
    this.#stores.fail(node);
    this.#refused.add(node);
  }

  /** A replica may or may not have stored it. */
  addUnknown(node: string): void {
    this.#stores.fail(node);
  }

  storeOutcome(): QuorumOutcome {
    return this.#stores.outcome();
  }

  get acknowledged(): number {
    return this.#stores.received;
  }

  get failed(): number {
    return this.#stores.failed;
  }

  /** What a replica acknowledged to hold, if it did. */
  heldBy(node: string): Version | undefined {
    return this.#held.get(node);
  }

  /** Whether a replica refused, or may or may not have stored it. */
  hasFailed(node: string): boolean {
    return this.#stores.hasFailed(node);
  }

  /** Whether all that was sent came back as a refusal, so that the write exists nowhere. */
  isCertainlyNotApplied(): boolean {
    return this.#refused.size === this.#plan.writable.length;
  }

  /** Whether every replica that acknowledged already held something newer than `version`. */
  isSuperseded(version: Version): boolean {
    const holders = this.#plan.replicas.filter((node) => this.#held.has(node));
    const isNewer = (node: string) => compareVersions(this.#held.get(node), version) > 0;
    return holders.length > 0 && holders.every(isNewer);
  }

  /** The replicas that have not acknowledged, in preference order; none if it exists nowhere. */
  missing(): readonly string[] {
    if (this.isCertainlyNotApplied()) return [];
    return this.#plan.replicas.filter((node) => !this.#held.has(node));
  }
}
