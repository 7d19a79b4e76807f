import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { encodeText } from '../../src/base/bytes.ts';
import type { StorageError } from '../../src/storage/storage-error.ts';
import type { Change } from '../../src/storage/tables.ts';
import { PowerCutTables } from '../support/power-cut-tables.ts';
import { SimulatedHost, SimulatedTime, settlePromises } from '../support/simulated-time.ts';

function change(key: string): Change {
  return { table: 'data', key: encodeText(key), value: encodeText(key) };
}

/** What a write ends with, which must be an error. */
function errorOf(written: Promise<void>): Promise<StorageError> {
  return written.then(
    () => assert.fail('it was written'),
    (error: StorageError) => error,
  );
}

describe('the writes of tables', () => {
  let time: SimulatedTime;
  let disk: PowerCutTables;
  let states: string[];

  beforeEach(() => {
    time = new SimulatedTime();
    disk = new PowerCutTables(new SimulatedHost(time), () => 10);
    states = [];
    disk.tables.onState((state, error) => states.push(`${state} ${error?.code ?? ''}`));
  });

  const write = (key: string) => disk.tables.write([change(key)]);
  const has = (key: string) => disk.tables.get('data', encodeText(key)) !== undefined;

  it('share a flush with those of their turn, and with those of the flush before', async () => {
    const first = [write('a'), write('b')];
    await time.advance(5);
    const second = [write('c'), write('d')];
    await time.advance(5);
    await Promise.all(first);
    assert.deepEqual([has('b'), has('c'), disk.flushes], [true, false, 2]);
    await time.advance(10);
    await Promise.all(second);
    assert.deepEqual([has('d'), disk.flushes], [true, 2]);
  });

  it('end for ever with the first failed flush, which is told once', async () => {
    await time.settle(write('a'));
    disk.failFlush(1);
    const failed = errorOf(write('b'));
    await time.advance(5);
    const errors = await time.settle(Promise.all([failed, errorOf(write('c'))]));
    for (const error of errors) {
      assert.equal(error.code, 'FAILED');
      assert.match(String(error.cause), /EIO/);
    }
    await time.advance(60_000);
    await assert.rejects(write('d'), { code: 'FAILED' });
    assert.throws(() => disk.tables.writeNow([change('e')]), { code: 'FAILED' });
    assert.deepEqual(states, ['failed FAILED']);
    assert.equal(disk.tables.state, 'failed');
    assert.deepEqual(['a', 'b', 'c', 'd', 'e'].map(has), [true, false, false, false, false]);
    assert.equal(disk.flushes, 2);
  });

  it('are refused while the disk is full, and taken again within 1.1 s of space', async () => {
    disk.isFull = true;
    const refused = errorOf(write('a'));
    await time.advance(5);
    const errors = await time.settle(Promise.all([refused, errorOf(write('b'))]));
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['NO_SPACE', 'NO_SPACE'],
    );
    await assert.rejects(write('c'), { code: 'NO_SPACE' });
    assert.throws(() => disk.tables.writeNow([change('c')]), { code: 'NO_SPACE' });
    await time.advance(5_000);
    assert.deepEqual(states, ['read-only NO_SPACE']);
    assert.equal(disk.tables.state, 'read-only');
    disk.isFull = false;
    await time.advance(1_100);
    assert.deepEqual(states, ['read-only NO_SPACE', 'open ']);
    await time.settle(write('d'));
    assert.deepEqual(['a', 'b', 'c', 'd'].map(has), [false, false, false, true]);
  });

  it('are taken from a listener that hears of space', async () => {
    disk.isFull = true;
    await assert.rejects(time.settle(write('a')), { code: 'NO_SPACE' });
    disk.isFull = false;
    let written: Promise<void> | undefined;
    disk.tables.onState((state) => {
      if (state === 'open') written = write('b');
    });
    await time.advance(1_100);
    await written;
    assert.equal(has('b'), true);
  });

  it('end for ever when the probe of a full disk fails otherwise', async () => {
    disk.isFull = true;
    await assert.rejects(time.settle(write('a')), { code: 'NO_SPACE' });
    disk.failFlush(1);
    await time.advance(1_100);
    assert.deepEqual(states, ['read-only NO_SPACE', 'failed FAILED']);
    disk.isFull = false;
    await time.advance(10_000);
    await assert.rejects(write('b'), { code: 'FAILED' });
  });

  it('settle before close does, and nothing is probed after it', async () => {
    const written = write('a');
    let isClosed = false;
    const closed = disk.tables.close().then(() => {
      isClosed = true;
    });
    await time.advance(9);
    assert.equal(isClosed, false);
    await time.advance(1);
    await Promise.all([written, closed]);
    await settlePromises();
    assert.equal(has('a'), true);
  });

  it('are lost with the power if they were not flushed, all of a write or none', async () => {
    for (const isKept of [false, true]) {
      const tables = disk.tables;
      tables.write([change('a'), change('b')]).catch(() => assert.fail('cut'));
      await time.advance(5);
      tables.write([change('c')]).catch(() => assert.fail('cut'));
      disk.cut(isKept);
      await time.advance(100);
      assert.deepEqual(['a', 'b', 'c'].map(has), [isKept, isKept, false]);
    }
  });
});
