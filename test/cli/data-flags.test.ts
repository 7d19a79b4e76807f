import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dataFlagsOf, directoryOf } from '../../src/cli/data-flags.ts';

const memory = { dataDir: undefined, inMemory: false };
const directory = { dataDir: 'data', inMemory: false };

describe('the flags that say where data is', () => {
  it('name a directory, or memory', () => {
    assert.equal(directoryOf(directory), 'data');
    assert.equal(directoryOf(directory, true), 'data');
    assert.equal(directoryOf(memory), undefined);
    assert.equal(directoryOf({ ...memory, inMemory: true }), undefined);
  });

  it('give each node of a cluster a directory of its own', () => {
    assert.deepEqual(dataFlagsOf(directory, 'replica1'), ['--data-dir=data/replica1']);
    assert.deepEqual(dataFlagsOf(memory, 'replica1'), ['--in-memory']);
  });

  it('may not contradict each other', () => {
    const both = { dataDir: 'data', inMemory: true };
    assert.throws(() => directoryOf(both), { code: 'CONFIGURATION', message: /give one of them/ });
    assert.throws(() => dataFlagsOf(both, 'replica1'), { code: 'CONFIGURATION' });
    assert.throws(() => directoryOf(memory, true), { message: /name it with --data-dir/ });
    assert.throws(() => directoryOf({ ...memory, inMemory: true }, true), /--data-dir/);
  });
});
