import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dataFlagsOf, describePlace, directoryOf } from '../../src/cli/data-flags.ts';

const unnamed = { dataDir: undefined, inMemory: false };
const named = { dataDir: 'data', inMemory: false };
const memory = { dataDir: undefined, inMemory: true };

describe('the flags that say where data is', () => {
  it('name a directory, or memory', () => {
    assert.equal(directoryOf(named, 'replica1'), 'data');
    assert.equal(directoryOf(named, 'replica1', { rebuild: true }), 'data');
    assert.equal(directoryOf(unnamed, 'replica1'), '.quorate/replica1');
    assert.equal(directoryOf(memory, 'replica1'), undefined);
  });

  it('give each node of a cluster a directory of its own', () => {
    assert.deepEqual(dataFlagsOf(named, 'replica1'), ['--data-dir=data/replica1']);
    assert.deepEqual(dataFlagsOf(unnamed, 'replica1'), ['--data-dir=.quorate/replica1']);
    assert.deepEqual(dataFlagsOf(memory, 'replica1'), ['--in-memory']);
  });

  it('say what is promised', () => {
    assert.match(describePlace(unnamed), /durable, in \.quorate;/);
    assert.match(describePlace(memory), /in memory; a node that is restarted has lost its copy/);
  });

  it('may not contradict each other', () => {
    const both = { dataDir: 'data', inMemory: true };
    const refusal = { code: 'CONFIGURATION', message: /give one of them/ };
    assert.throws(() => directoryOf(both, 'replica1'), refusal);
    assert.throws(() => describePlace(both), refusal);
    const rebuild = true;
    const restore = true;
    const onMemory = (begin: object) => () => directoryOf(memory, 'replica1', begin);
    assert.throws(onMemory({ rebuild }), { message: /nothing to rebuild/ });
    assert.throws(onMemory({ restore }), { message: /memory has no snapshots/ });
    assert.throws(() => directoryOf(named, 'replica1', { rebuild, restore }), refusal);
  });
});
