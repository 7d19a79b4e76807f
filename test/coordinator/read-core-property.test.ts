import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ReadCore, type ReadStep } from '../../src/coordinator/read-core.ts';
import type { ReplicaPlan } from '../../src/coordinator/replica-plan.ts';
import { compareVersions, newerVersion, type Version } from '../../src/record/version.ts';
import { textRecord, versionAt } from '../record/samples.ts';
import { planOf } from './plans.ts';

/** A reply on its way. What it says was true of its replica when the reply left. */
interface Reply {
  readonly node: string;
  readonly version: Version | undefined;
  readonly hasValue: boolean;
  readonly isFetched: boolean;
}

/** A core, its shell, and replicas that other clients write to meanwhile. */
class Reading {
  readonly core: ReadCore;
  readonly replies: Reply[] = [];
  readonly heard: Reply[] = [];
  readonly failed = new Set<string>();
  readonly #plan: ReplicaPlan;
  readonly #held: Map<string, Version | undefined>;
  #writes = 100;
  last: ReadStep = { kind: 'wait' };

  constructor(plan: ReplicaPlan, firstVersions: readonly number[], asked: number) {
    this.#plan = plan;
    this.core = new ReadCore(plan);
    this.#held = new Map(
      plan.readable.map((node, index) => {
        const at = firstVersions[index] ?? 0;
        return [node, at === 0 ? undefined : versionAt(at)];
      }),
    );
    for (const [index, node] of plan.readable.slice(0, asked).entries())
      this.ask(node, index === 0);
  }

  ask(node: string, hasValue: boolean): void {
    this.core.markAsked(node);
    this.#reply(node, hasValue);
  }

  /** Another client's write reaches one replica. */
  write(node: string): void {
    this.#held.set(node, versionAt(this.#writes++));
  }

  /** A reply arrives, or is lost with its replica, and the shell does what the core wants. */
  deliver(at: number, isLost: boolean): void {
    const [reply] = this.replies.splice(at % this.replies.length, 1);
    if (reply === undefined) return;
    const { node, version, hasValue } = reply;
    if (isLost) {
      this.failed.add(node);
      this.core.addFailure(node);
    } else {
      if (!this.failed.has(node)) this.heard.push(reply);
      const hasRecord = hasValue && version !== undefined;
      const record = hasRecord ? textRecord(version) : undefined;
      if (reply.isFetched) this.core.addFetched(node, version, record);
      else this.core.addHeld(node, version, record);
    }
    while (this.#act());
  }

  #act(): boolean {
    const step = this.core.step();
    this.last = step;
    if (step.kind === 'ask') this.ask(step.node, true);
    else if (step.kind === 'fetch') {
      this.core.markFetching(step.node);
      this.#reply(step.node, true, true);
    } else if (step.kind === 'write-back') {
      for (const node of step.nodes) {
        this.core.markWrittenBack(node, step.record.version);
        this.#held.set(node, newerVersion(this.#held.get(node), step.record.version));
        this.#reply(node, false);
      }
    } else return false;
    return true;
  }

  #reply(node: string, hasValue: boolean, isFetched = false): void {
    this.replies.push({ node, version: this.#held.get(node), hasValue, isFetched });
  }

  /** The newest that a replica, if it did not fail, was heard to hold. */
  heardOf(node: string): Version | undefined {
    if (this.failed.has(node)) return undefined;
    const versions = this.heard.filter((reply) => reply.node === node).map((r) => r.version);
    return versions.reduce(newerVersion, undefined);
  }

  /** The newest of the first answers, as many as the level needs, of replicas that did not fail. */
  newestOfFirst(): Version | undefined {
    const heard = this.heard.filter(({ node }) => !this.failed.has(node));
    const first = [...new Set(heard.map(({ node }) => node))].slice(0, this.#plan.required);
    const answers = first.map((node) => heard.find((reply) => reply.node === node)?.version);
    return answers.reduce(newerVersion, undefined);
  }
}

const runs = fc.record({
  level: fc.constantFrom('ONE', 'TWO', 'QUORUM', 'ALL'),
  replicas: fc.integer({ min: 2, max: 5 }),
  firstVersions: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 }),
  isAskingAll: fc.boolean(),
  events: fc.array(
    fc.record({
      at: fc.nat({ max: 20 }),
      isLost: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
      // Now and then a write of level ONE, which no quorum has seen, moves a replica on.
      write: fc.integer({ min: 0, max: 19 }),
    }),
    { maxLength: 40 },
  ),
});

describe('ReadCore, whatever the order of answers,', () => {
  it('answers only what enough replicas hold exactly, and nothing older than the first', () => {
    const outcomes = { answered: 0, spread: 0, unreachable: 0 };
    fc.assert(
      fc.property(runs, ({ level, replicas, firstVersions, isAskingAll, events }) => {
        const plan = planOf(level, replicas);
        const reading = new Reading(plan, firstVersions, isAskingAll ? replicas : plan.required);
        // After the random events the rest arrives in order, so that each run comes to an end.
        const rest = Array.from({ length: 100 }, () => ({ at: 0, isLost: false, write: -1 }));
        let steps = 0;
        for (const { at, isLost, write } of [...events, ...rest]) {
          if (reading.last.kind === 'answer' || reading.last.kind === 'unreachable') break;
          const written = plan.readable[write];
          if (written !== undefined) reading.write(written);
          assert.ok(reading.replies.length > 0, 'it waits for an answer that nobody will give');
          reading.deliver(at, isLost);
          steps++;
        }
        if (reading.last.kind === 'unreachable') {
          assert.ok(replicas - reading.failed.size < plan.required, 'it gave up too early');
          outcomes.unreachable++;
          return;
        }
        assert.equal(reading.last.kind, 'answer', `no outcome after ${steps} answers`);
        const version = reading.last.record?.version;
        const holders = plan.readable.filter(
          (node) =>
            !reading.failed.has(node) &&
            reading.heard.some((reply) => reply.node === node) &&
            compareVersions(reading.heardOf(node), version) === 0,
        );
        const needed = plan.isLinearizable || version === undefined ? plan.required : 1;
        assert.ok(holders.length >= needed, `${holders.length} of ${needed} hold the answer`);
        assert.ok(compareVersions(version, reading.newestOfFirst()) >= 0, 'older than the first');
        outcomes.answered++;
        if (steps > replicas) outcomes.spread++;
      }),
      { numRuns: 2_000 },
    );
    // The runs are of use only if they end in every way.
    for (const [outcome, count] of Object.entries(outcomes)) assert.ok(count > 20, outcome);
  });
});
