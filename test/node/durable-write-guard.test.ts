import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { DurableWriteGuard } from '../../src/node/durable-write-guard.ts';
import { clockAtMs, clockToMs } from '../../src/record/version.ts';
import { DurableState } from '../../src/storage/durable-state.ts';
import { initialNodeState, type NodeState } from '../../src/storage/node-state.ts';
import { SimulatedHost, SimulatedTime, settlePromises } from '../support/simulated-time.ts';

/** A state file whose writes take so long, and whose state survives. */
class SlowStateFile {
  state: NodeState = initialNodeState;
  writes = 0;
  flushMs = 1;
  failure: Error | undefined;
  readonly #clock: SimulatedHost;

  constructor(clock: SimulatedHost) {
    this.#clock = clock;
  }

  read(): NodeState {
    return this.state;
  }

  async write(state: NodeState): Promise<void> {
    this.writes++;
    await new Promise<void>((resolve) => this.#clock.schedule(this.flushMs, resolve));
    if (this.failure !== undefined) throw this.failure;
    this.state = state;
  }

  async close(): Promise<void> {}
}

describe('DurableWriteGuard', () => {
  let time: SimulatedTime;
  let clock: SimulatedHost;
  let file: SlowStateFile;
  let state: DurableState;
  let guard: DurableWriteGuard;
  let failures: number;

  beforeEach(() => {
    time = new SimulatedTime();
    clock = new SimulatedHost(time);
    file = new SlowStateFile(clock);
    failures = 0;
    state = new DurableState(file, () => failures++);
    guard = new DurableWriteGuard({ clock, state });
  });

  const now = () => clockAtMs(clock.realtimeMs());
  /** What became of one write: whether it was covered, `undefined` while it waits. */
  const cover = (token: number, made = now()) => {
    const outcome: { isCovered?: boolean; at?: NodeState } = {};
    guard.cover(token, made, (isCovered) => {
      outcome.isCovered = isCovered;
      outcome.at = file.state;
    });
    return outcome;
  };

  it('lets a write go only when its clock and its token are durable', async () => {
    const made = now();
    const write = cover(7, made);
    assert.equal(write.isCovered, undefined);
    await time.advance(5);
    assert.equal(write.isCovered, true);
    assert.ok(write.at && write.at.ceiling >= made && write.at.writing.has(7));
    assert.equal(write.at.isClean, false);
  });

  it('lets go at once what is covered, and flushes a few times a second under load', async () => {
    cover(7);
    await time.advance(5);
    file.writes = 0;
    for (let ms = 0; ms < 1_000; ms++) {
      assert.equal(cover(7).isCovered, true, `after ${ms} ms`);
      await time.advance(1);
    }
    assert.ok(file.writes <= 11, `${file.writes} flushes`);
  });

  it('makes a write to another token, or after a silence, wait for a flush', async () => {
    cover(7);
    await time.advance(5);
    const other = cover(8);
    assert.equal(other.isCovered, undefined);
    await time.advance(5);
    assert.equal(other.isCovered, true);
    file.writes = 0;
    await time.advance(5_000);
    assert.ok(file.writes <= 1, 'it does not flush while there are no writes');
    const late = cover(7);
    assert.equal(late.isCovered, undefined);
    await time.advance(5);
    assert.equal(late.isCovered, true);
  });

  it('keeps the ceiling at most 250 ms ahead of the clocks it covers', async () => {
    cover(7);
    await time.advance(5);
    assert.ok(clockToMs(file.state.ceiling) <= clock.realtimeMs() + 250);
    const ahead = clockAtMs(clock.realtimeMs() + 400);
    cover(7, ahead);
    await time.advance(5);
    assert.ok(file.state.ceiling >= ahead);
    assert.ok(clockToMs(file.state.ceiling) <= clockToMs(ahead) + 250);
  });

  it('does not follow a clock that jumps ahead: only versions may, which others have judged', async () => {
    cover(7);
    await time.advance(5);
    cover(7);
    const beforeMs = clock.realtimeMs();
    clock.skewMs += 3_600_000;
    await time.advance(1_000);
    clock.skewMs -= 3_600_000;
    assert.ok(clockToMs(file.state.ceiling) <= beforeMs + 350);
  });

  it('never lowers the ceiling when the clock is set back', async () => {
    cover(7);
    await time.advance(5);
    const { ceiling } = file.state;
    clock.skewMs -= 60_000;
    cover(8);
    await time.advance(5);
    assert.ok(file.state.ceiling >= ceiling);
  });

  /** Writes to token 8 all the time, so that the state is saved all the time. */
  const busyFor = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      cover(8);
      await time.advance(Math.min(100, ms - passed));
    }
  };

  it('remembers a token for as long as a write to it may last, and then forgets it', async () => {
    for (const busyMs of [0, 15_000, 30_900]) {
      await busyFor(busyMs);
      cover(7);
      for (let second = 0; second < 31; second++) {
        await busyFor(1_000);
        assert.equal(file.state.writing.has(7), true, `${second} s after ${busyMs} ms`);
      }
      await busyFor(35_000);
      assert.deepEqual(file.state.writing.tokens(), [8]);
    }
  });

  it('covers no token that it is about to forget', async () => {
    file.flushMs = 20;
    cover(7);
    await busyFor(61_000);
    assert.equal(file.state.writing.has(7), true, 'not forgotten yet');
    for (let ms = 0; ms < 2_000; ms++) {
      if (ms % 100 === 0) cover(8);
      await time.advance(1);
      if (state.latest.writing.has(7)) continue;
      assert.equal(state.durable.writing.has(7), true, 'the save without it is under way');
      const write = cover(7);
      assert.equal(write.isCovered, undefined);
      await time.advance(100);
      assert.ok(write.isCovered && write.at?.writing.has(7));
      return;
    }
    assert.fail('the token was never about to be forgotten');
  });

  it('leaves a clean end', async () => {
    cover(7);
    await time.advance(5);
    const stopped = guard.stop(true);
    await time.advance(5);
    await stopped;
    assert.equal(file.state.isClean, true);
    assert.equal(file.state.writing.isEmpty, true);
    await time.advance(5_000);
    assert.equal(file.state.isClean, true, 'nothing is written after it');
  });

  it('lets nothing go when the state cannot be kept', async () => {
    file.failure = new Error('no disk');
    const write = cover(7);
    await time.advance(5);
    assert.equal(write.isCovered, false);
    assert.equal(failures, 1);
    assert.equal(cover(7).isCovered, false);
    await settlePromises();
  });
});
