import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { QuorateError } from '../../src/base/quorate-error.ts';
import { DurableState } from '../../src/storage/durable-state.ts';
import { initialNodeState, type NodeState } from '../../src/storage/node-state.ts';
import { MemoryStateFile, type StateFile } from '../../src/storage/state-file.ts';
import { settlePromises } from '../support/simulated-time.ts';

/** A file whose writes end when the test says so. */
class HeldStateFile implements StateFile {
  readonly written: NodeState[] = [];
  readonly #open: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  read(): NodeState {
    return initialNodeState;
  }

  write(state: NodeState): Promise<void> {
    this.written.push(state);
    return new Promise((resolve, reject) => this.#open.push({ resolve, reject }));
  }

  async close(): Promise<void> {}

  /** How many writes are under way. */
  get open(): number {
    return this.#open.length;
  }

  async finish(error?: Error): Promise<void> {
    const write = this.#open.shift();
    if (error === undefined) write?.resolve();
    else write?.reject(error);
    await settlePromises();
  }
}

const raiseTo = (ceiling: bigint) => (state: NodeState) => ({ ...state, ceiling });

function setUp() {
  const file = new HeldStateFile();
  const failures: QuorateError[] = [];
  const state = new DurableState(file, (error) => failures.push(error));
  const settled: string[] = [];
  const update = (name: string, change: (state: NodeState) => NodeState) => {
    state.update(change).then(
      () => settled.push(name),
      (error: QuorateError) => settled.push(`${name} ${error.code}`),
    );
  };
  return { file, failures, state, settled, update };
}

describe('a durable state', () => {
  it('settles a change after its write, and only then calls it durable', async () => {
    const { file, state, settled, update } = setUp();
    update('first', raiseTo(1n));
    await settlePromises();
    assert.deepEqual([settled, state.latest.ceiling, state.durable.ceiling], [[], 1n, 0n]);
    await file.finish();
    assert.deepEqual([settled, state.durable.ceiling], [['first'], 1n]);
  });

  it('writes the changes of one turn at once, and all that came meanwhile in the next', async () => {
    const { file, settled, update } = setUp();
    update('a', raiseTo(1n));
    update('b', raiseTo(2n));
    await settlePromises();
    for (let ceiling = 3n; ceiling < 100n; ceiling++) update('later', raiseTo(ceiling));
    await settlePromises();
    assert.deepEqual([file.open, file.written.map(({ ceiling }) => ceiling)], [1, [2n]]);
    await file.finish();
    assert.deepEqual(settled, ['a', 'b']);
    assert.deepEqual([file.open, file.written.map(({ ceiling }) => ceiling)], [1, [2n, 99n]]);
    await file.finish();
    assert.equal(settled.length, 99);
    assert.equal(file.open, 0);
  });

  it('writes nothing for a change that changes nothing, but waits for what it relies on', async () => {
    const { file, settled, update } = setUp();
    update('idle', (state) => state);
    await settlePromises();
    assert.deepEqual([settled, file.written.length], [['idle'], 0]);
    update('a', raiseTo(1n));
    await settlePromises();
    update('relies on a', (state) => state);
    await settlePromises();
    assert.deepEqual(settled, ['idle']);
    await file.finish();
    assert.deepEqual([settled, file.written.length], [['idle', 'a', 'relies on a'], 1]);
  });

  it('waits for a change that is taken back while its write is under way', async () => {
    const { file, settled, update, state } = setUp();
    const before = state.latest;
    update('a', raiseTo(1n));
    await settlePromises();
    update('back', () => before);
    await file.finish();
    assert.deepEqual(settled, ['a']);
    await file.finish();
    assert.deepEqual([settled, state.durable.ceiling], [['a', 'back'], 0n]);
  });

  it('is at its end after a write that failed, and says so once', async () => {
    const { file, failures, settled, update } = setUp();
    update('a', raiseTo(1n));
    await settlePromises();
    update('b', raiseTo(2n));
    await file.finish(new Error('EIO: i/o error'));
    update('c', raiseTo(3n));
    await settlePromises();
    assert.deepEqual(settled, ['a INTERNAL', 'b INTERNAL', 'c INTERNAL']);
    assert.deepEqual([failures.length, file.written.length], [1, 1]);
    assert.match(failures[0]?.message ?? '', /EIO/);
  });

  it('stops when nothing is under way any more', async () => {
    const { file, state, update } = setUp();
    update('a', raiseTo(1n));
    let isStopped = false;
    const stopping = state.stop().then(() => {
      isStopped = true;
    });
    await settlePromises();
    assert.equal(isStopped, false);
    await file.finish();
    await stopping;
  });

  it('lives in memory as well', async () => {
    const file = new MemoryStateFile();
    await new DurableState(file, assert.fail).update(raiseTo(7n));
    assert.equal(new DurableState(file, assert.fail).latest.ceiling, 7n);
  });
});
