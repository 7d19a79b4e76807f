import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DirtyTokens } from '../../src/hints/dirty-tokens.ts';
import { StateDirtyMarks } from '../../src/hints/state-dirty-marks.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { DurableState } from '../../src/storage/durable-state.ts';
import { MemoryStateFile } from '../../src/storage/state-file.ts';

const noFailure = (error: Error) => assert.fail(error);
const dirtyIn = (file: MemoryStateFile, target: string) => file.read().dirty.get(target)?.tokens();

describe('DIRTY marks in the state file', () => {
  it('are durable when the mark settles, and found again', async () => {
    const file = new MemoryStateFile();
    const dirty = new DirtyTokens(new StateDirtyMarks(new DurableState(file, noFailure)));
    const marked = dirty.mark('b', TokenSet.of([1, 2]));
    assert.deepEqual(dirty.tokensOf('b').tokens(), [1, 2]);
    assert.equal(dirtyIn(file, 'b'), undefined);
    await marked;
    assert.deepEqual(dirtyIn(file, 'b'), [1, 2]);
    const again = new DirtyTokens(new StateDirtyMarks(new DurableState(file, noFailure)));
    assert.deepEqual(again.tokensOf('b').tokens(), [1, 2]);
    assert.ok(again.tokensOf('c').isEmpty);
  });

  it('join those that are there, and go one by one', async () => {
    const file = new MemoryStateFile();
    const state = new DurableState(file, noFailure);
    const dirty = new DirtyTokens(new StateDirtyMarks(state));
    await Promise.all([dirty.mark('b', TokenSet.of([1])), dirty.mark('c', TokenSet.of([9]))]);
    await dirty.mark('b', TokenSet.of([2, 3]));
    dirty.clear('b', TokenSet.of([1, 3]));
    await state.stop();
    assert.deepEqual([dirtyIn(file, 'b'), dirtyIn(file, 'c')], [[2], [9]]);
  });

  it('leave the rest of the state alone', async () => {
    const file = new MemoryStateFile();
    const state = new DurableState(file, noFailure);
    await state.update((before) => ({ ...before, ceiling: 7n }));
    await new DirtyTokens(new StateDirtyMarks(state)).mark('b', TokenSet.of([1]));
    assert.equal(file.read().ceiling, 7n);
  });

  it('write nothing for a token that is marked already', async () => {
    const file = new MemoryStateFile();
    const dirty = new DirtyTokens(new StateDirtyMarks(new DurableState(file, noFailure)));
    await dirty.mark('b', TokenSet.of([1, 2]));
    const before = file.read();
    await dirty.mark('b', TokenSet.of([2]));
    assert.equal(file.read(), before);
  });
});
