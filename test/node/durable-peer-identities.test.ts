import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DurablePeerIdentities } from '../../src/node/durable-peer-identities.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import { StorageError } from '../../src/storage/storage-error.ts';
import type { Change, StateListener } from '../../src/storage/tables.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

/** Tables on a disk that is full until the test says otherwise. */
class FullTables extends MemoryTables {
  isFull = false;
  readonly listeners: StateListener[] = [];

  override writeNow(changes: readonly Change[]): void {
    if (this.isFull) throw new StorageError('NO_SPACE');
    super.writeNow(changes);
  }

  override onState(listener: StateListener): void {
    this.listeners.push(listener);
  }
}

describe('the data ids of peers', () => {
  const open = () => new FullTables({ clock: new SimulatedHost(new SimulatedTime()) });

  it('are known to the next run', () => {
    const tables = open();
    const identities = new DurablePeerIdentities(tables);
    assert.equal(identities.dataIdOf('b'), undefined);
    identities.remember('b', '1-b');
    identities.remember('c', '1-c');
    identities.remember('b', '2-b');
    const next = new DurablePeerIdentities(tables);
    assert.deepEqual([next.dataIdOf('b'), next.dataIdOf('c')], ['2-b', '1-c']);
  });

  it('are kept while the disk is full, and written when it has room again', () => {
    const tables = open();
    const identities = new DurablePeerIdentities(tables);
    identities.remember('b', '1-b');
    tables.isFull = true;
    identities.remember('b', '2-b');
    assert.equal(identities.dataIdOf('b'), '2-b');
    assert.equal(new DurablePeerIdentities(tables).dataIdOf('b'), '1-b');
    tables.isFull = false;
    for (const listener of tables.listeners) listener('open', undefined);
    assert.equal(new DurablePeerIdentities(tables).dataIdOf('b'), '2-b');
  });
});
