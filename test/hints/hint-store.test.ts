import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeText, formatHex } from '../../src/base/bytes.ts';
import { DirtyTokens, MemoryDirtyMarks } from '../../src/hints/dirty-tokens.ts';
import {
  defaultHintLimits,
  type Hint,
  type HintLimits,
  HintStore,
} from '../../src/hints/hint-store.ts';
import { compareVersions } from '../../src/record/version.ts';
import { recordBytes, type VersionedValue } from '../../src/record/versioned-value.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { TokenSet } from '../../src/ring/token-set.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { LmdbTables } from '../../src/storage/lmdb-tables.ts';
import { MemoryTables } from '../../src/storage/memory-tables.ts';
import type { Entry, Tables } from '../../src/storage/tables.ts';
import {
  arbitraryKey,
  arbitraryRecord,
  numberKey,
  textRecord,
  versionAt,
} from '../record/samples.ts';
import { PowerCutTables } from '../support/power-cut-tables.ts';
import { temporaryFolder } from '../support/processes.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];

/** Tokens 0 to 63 are on a, b, c; 64 to 127 on b, c, d; 128 to 191 on c, d, a; then d, a, b. */
const ring = new Ring({
  epoch: 1,
  partitioner: byteOrderedPartitioner,
  replicationFactor: 3,
  owners: evenOwners(['a', 'b', 'c', 'd']),
});

const folder = temporaryFolder();
after(folder.remove);
let files = 0;

/** Where hints may be kept. Both settle by themselves, whatever the clock of the store says. */
const kinds: readonly { readonly name: string; readonly open: () => Tables }[] = [
  { name: 'MemoryTables', open: () => new MemoryTables({ clock: new SystemClock() }) },
  {
    name: 'LmdbTables',
    open: () =>
      new LmdbTables({ clock: new SystemClock() }, join(folder.path, `hints${files++}.mdb`)),
  },
];

for (const { name, open } of kinds) {
  describe(`a HintStore on ${name}`, () => {
    let time: SimulatedTime;
    let tables: Tables;
    let dirty: DirtyTokens;
    let hints: HintStore;

    /** Opens the store of node a on what the tables hold. */
    const reopen = (limits: Partial<HintLimits> = {}) => {
      dirty = new DirtyTokens(new MemoryDirtyMarks());
      hints = new HintStore(
        { clock: new SimulatedHost(time), dirty, logger: silentLogger, ring, tables },
        { node: 'a', limits: { ...defaultHintLimits, ...limits } },
      );
    };

    beforeEach(() => {
      time = new SimulatedTime();
      tables = open();
      reopen();
    });

    afterEach(() => tables.close());

    const keep = (key: number, record: VersionedValue, target = 'b') =>
      hints.keep(target, numberKey(key), record);
    const kept = (target = 'b') =>
      [...hints.waitingFor(target)].map(({ key, record }) => [key[0], record.version]);
    const dirtyOf = (target = 'b') => dirty.tokensOf(target).tokens();

    it('says whether it may hold anything of some tokens that is older than a clock', () => {
      hints.keep('b', numberKey(7), textRecord(v2));
      const holds = (token: number, { clock } = v3) =>
        hints.mayHoldBelow(TokenSet.of([token, 9]), clock);
      assert.deepEqual([holds(7), holds(8), holds(7, v2)], [true, false, false]);
      hints.remove('b', numberKey(7), v2);
      assert.equal(holds(7), false);
      // Too many to look through count as if one of them were.
      for (let index = 0; index <= 10_000; index++) {
        hints.keep('b', Uint8Array.of(70, index >> 8, index), textRecord(v2));
      }
      assert.equal(holds(7), true);
    });

    it('gives hints back with their original record, the longest kept first', () => {
      keep(3, textRecord(v1, 'one'));
      keep(1, { version: v2, value: undefined });
      assert.deepEqual(kept(), [
        [3, v1],
        [1, v2],
      ]);
      const [first, second] = hints.waitingFor('b');
      assert.deepEqual(first?.record, textRecord(v1, 'one'));
      assert.equal(second?.record.value, undefined);
    });

    it('keeps the hints of each target apart', () => {
      keep(1, textRecord(v1), 'b');
      keep(1, textRecord(v2), 'c');
      hints.remove('b', numberKey(1), v1);
      assert.deepEqual(kept('b'), []);
      assert.deepEqual(kept('c'), [[1, v2]]);
      assert.equal(hints.summary('d').count, 0);
    });

    it('keeps only the newest version of a key, in the place of the first', () => {
      keep(1, textRecord(v2));
      keep(2, textRecord(v1));
      keep(1, textRecord(v3));
      keep(1, textRecord(v1));
      assert.deepEqual(kept(), [
        [1, v3],
        [2, v1],
      ]);
      assert.equal(hints.summary('b').count, 2);
    });

    it('shares no memory with the key it was given', () => {
      const key = numberKey(1);
      hints.keep('b', key, textRecord(v1));
      key.fill(9);
      assert.deepEqual(kept(), [[1, v1]]);
    });

    it('forgets a delivered hint by its exact version only', () => {
      keep(1, textRecord(v2));
      hints.remove('b', numberKey(1), v1);
      hints.remove('b', numberKey(1), v3);
      hints.remove('b', numberKey(2), v2);
      assert.deepEqual(kept(), [[1, v2]]);
      hints.remove('b', numberKey(1), v2);
      assert.deepEqual(kept(), []);
      assert.deepEqual(hints.summary('b'), {
        count: 0,
        bytes: 0,
        oldestAgeMs: undefined,
        dropped: 0,
      });
    });

    it('marks the token of a hint over the count DIRTY, and still takes newer versions', () => {
      reopen({ hintsPerTargetMax: 2 });
      for (const key of [5, 9, 200, 100]) keep(key, textRecord(v1));
      keep(5, textRecord(v2));
      assert.deepEqual(kept(), [
        [5, v2],
        [9, v1],
      ]);
      assert.deepEqual(dirtyOf(), [100, 200]);
      assert.equal(hints.summary('b').dropped, 2);
      assert.deepEqual(dirtyOf('c'), []);
    });

    it('marks the token of a hint over the bytes DIRTY', () => {
      const record = textRecord(v1, 'x'.repeat(100));
      reopen({ hintBytesPerTargetMax: 2 * recordBytes(numberKey(1), record) });
      for (const key of [1, 2, 3]) keep(key, record);
      assert.equal(hints.summary('b').count, 2);
      assert.deepEqual(dirtyOf(), [3]);
      hints.remove('b', numberKey(1), v1);
      keep(4, record);
      assert.equal(hints.summary('b').count, 2);
      assert.equal(hints.summary('b').dropped, 1);
    });

    it('gives up the older version too when the newer does not fit in its place', () => {
      const small = textRecord(v1, 'x');
      reopen({ hintBytesPerTargetMax: 200 });
      keep(1, small);
      keep(1, textRecord(v2, 'x'.repeat(1_000)));
      assert.deepEqual(kept(), []);
      assert.deepEqual(dirtyOf(), [1]);
      assert.equal(hints.summary('b').bytes, 0);
    });

    it('gives up what can never be delivered and marks its token DIRTY', () => {
      keep(1, textRecord(v1));
      hints.abandon('b', numberKey(1), v1);
      assert.deepEqual(kept(), []);
      assert.deepEqual(dirtyOf(), [1]);
      assert.equal(hints.summary('b').dropped, 1);
    });

    it('keeps a newer version than the one that is given up', () => {
      keep(1, textRecord(v2));
      hints.abandon('b', numberKey(1), v1);
      assert.deepEqual(kept(), [[1, v2]]);
    });

    it('drops what is older than the age limit, counted from the first version', async () => {
      reopen({ hintAgeMsMax: 1_000 });
      keep(1, textRecord(v1));
      keep(2, textRecord(v1));
      await time.advance(600);
      keep(1, textRecord(v2));
      keep(3, textRecord(v1));
      await time.advance(399);
      hints.expire();
      assert.equal(hints.summary('b').count, 3);
      assert.equal(hints.summary('b').oldestAgeMs, 999);
      await time.advance(1);
      hints.expire();
      assert.deepEqual(kept(), [[3, v1]]);
      assert.deepEqual(dirtyOf(), [1, 2]);
      assert.equal(hints.summary('b').oldestAgeMs, 400);
    });

    it('finds again after a reopen what it held: order, count, bytes and the oldest', async () => {
      const deleted = { version: v2, value: undefined };
      const expiring = { version: v1, value: { ...text('late'), expireTimeMs: 1_800_000_000_000 } };
      keep(3, textRecord(v1, 'one'));
      keep(9, deleted);
      await time.advance(500);
      keep(4, expiring);
      keep(3, textRecord(v3, 'three'));
      keep(7, textRecord(v1), 'd');
      hints.remove('b', numberKey(9), v2);
      keep(5, deleted);
      const before = [...hints.waitingFor('b')];
      const summary = hints.summary('b');
      await hints.settled();
      await time.advance(250);
      reopen();
      assert.deepEqual([...hints.waitingFor('b')].map(plain), before.map(plain));
      assert.deepEqual(hints.summary('b'), { ...summary, oldestAgeMs: 750 });
      assert.deepEqual(kept('d'), [[7, v1]]);
      keep(6, textRecord(v1));
      await hints.settled();
      reopen();
      assert.deepEqual(kept(), [
        [3, v3],
        [4, v1],
        [5, v2],
        [6, v1],
      ]);
      assert.deepEqual(dirtyOf(), []);
    });

    it('counts the age over a reopen', async () => {
      keep(1, textRecord(v1));
      await hints.settled();
      await time.advance(999);
      reopen({ hintAgeMsMax: 1_000 });
      hints.expire();
      assert.equal(hints.count('b'), 1);
      await time.advance(1);
      hints.expire();
      assert.deepEqual([hints.count('b'), dirtyOf()], [0, [1]]);
      await hints.settled();
      assert.equal(tables.count('hints'), 0);
    });

    it('leaves no row of what was delivered or given up', async () => {
      for (const key of [1, 2, 3, 4]) keep(key, textRecord(v1));
      await hints.settled();
      hints.remove('b', numberKey(1), v1);
      hints.abandon('b', numberKey(2), v1);
      await hints.settled();
      assert.equal(tables.count('hints'), 2);
      assert.equal(hints.drop('b'), 2);
      await hints.settled();
      assert.equal(tables.count('hints'), 0);
      reopen();
      assert.equal(hints.count('b'), 0);
    });

    it('drops all of a target by hand and marks their tokens DIRTY', () => {
      for (const key of [1, 2, 100]) keep(key, textRecord(v1));
      keep(1, textRecord(v1), 'c');
      assert.equal(hints.drop('b'), 3);
      assert.deepEqual(dirtyOf(), [1, 2, 100]);
      assert.deepEqual([hints.count('b'), hints.count('c')], [0, 1]);
      assert.equal(hints.summary('b').dropped, 3);
      assert.equal(hints.drop('b'), 0);
    });

    it('shows while it is walked through what comes and not what goes', () => {
      for (const key of [1, 2, 3]) keep(key, textRecord(v1));
      const walk = hints.waitingFor('b');
      assert.equal(walk.next().value?.key[0], 1);
      hints.remove('b', numberKey(2), v1);
      keep(4, textRecord(v1));
      assert.deepEqual(
        [...walk].map(({ key }) => key[0]),
        [3, 4],
      );
    });

    /** Changes a byte of a row, as a disk does that decays. */
    const damage = async (row: number, offset: number) => {
      await hints.settled();
      const { key, value } = rows(tables)[row] ?? assert.fail('no such row');
      const flipped = Uint8Array.from(value);
      const at = offset < 0 ? flipped.length + offset : offset;
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await tables.write([{ table: 'hints', key, value: flipped }]);
    };

    it('gives a hint with a damaged record up, marks its token and goes on', async () => {
      for (const key of [1, 2, 3]) keep(key, textRecord(v1));
      await damage(1, -1);
      assert.deepEqual(kept(), [
        [1, v1],
        [3, v1],
      ]);
      assert.deepEqual([dirtyOf(), dirtyOf('c')], [[2], []]);
      await hints.settled();
      assert.deepEqual([tables.count('hints'), hints.summary('b').dropped], [2, 1]);
    });

    it('marks the token of a record that is found damaged at the start', async () => {
      for (const key of [1, 2, 3]) keep(key, textRecord(v1));
      await damage(1, -1);
      reopen();
      assert.deepEqual([dirtyOf(), dirtyOf('c')], [[2], []]);
      assert.equal(hints.count('b'), 2);
      await hints.settled();
      assert.equal(tables.count('hints'), 2);
    });

    it('marks all tokens of all nodes when nobody can tell what was missed', async () => {
      for (const key of [1, 2, 3]) keep(key, textRecord(v1));
      await damage(1, 15);
      reopen();
      assert.equal(dirtyOf('b').length, 192);
      assert.deepEqual(dirtyOf('c'), tokensFrom(0, 191));
      assert.deepEqual(dirtyOf('d'), tokensFrom(64, 255));
      assert.deepEqual(kept(), [
        [1, v1],
        [3, v1],
      ]);
      await hints.settled();
      assert.equal(tables.count('hints'), 2);
    });

    it('notices every changed byte of a row', async () => {
      keep(1, textRecord(v1));
      await hints.settled();
      const [row] = rows(tables);
      for (let offset = 0; offset < (row?.value.length ?? 0); offset++) {
        await damage(0, offset);
        reopen();
        assert.deepEqual([hints.count('b'), dirty.tokensOf('b').has(1)], [0, true], `${offset}`);
        await hints.settled();
        keep(1, textRecord(v1));
      }
    });

    it('notices a row that stands under the key of another', async () => {
      keep(1, textRecord(v1), 'b');
      keep(2, textRecord(v1), 'c');
      await hints.settled();
      const [ofB, ofC] = rows(tables);
      assert.ok(ofB !== undefined && ofC !== undefined);
      await tables.write([{ table: 'hints', key: ofB.key, value: ofC.value }]);
      reopen();
      assert.deepEqual([hints.count('b'), hints.count('c')], [0, 1]);
      assert.ok(dirty.tokensOf('b').has(1));
    });

    it('marks the tokens of a node that left the ring for those that hold them now', async () => {
      keep(70, textRecord(v1), 'gone');
      await hints.settled();
      reopen();
      assert.deepEqual([dirtyOf('b'), dirtyOf('c'), dirtyOf('d')], [[70], [70], [70]]);
      await hints.settled();
      assert.equal(tables.count('hints'), 0);
    });

    it('loses nothing without a trace: each key is kept in its newest version, or DIRTY', async () => {
      const writes = fc.array(fc.tuple(arbitraryKey, arbitraryRecord), { maxLength: 30 });
      const limits = fc.tuple(
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 100, max: 3_000 }),
      );
      const check = async (
        written: readonly (readonly [Uint8Array, VersionedValue])[],
        [hintsPerTargetMax, hintBytesPerTargetMax]: readonly [number, number],
      ) => {
        reopen({ hintsPerTargetMax, hintBytesPerTargetMax });
        for (const [key, record] of written) hints.keep('b', key, record);
        const found = [...hints.waitingFor('b')];
        const { count, bytes } = hints.summary('b');
        const byKey = new Map(found.map((hint) => [formatHex(hint.key), hint.record.version]));
        assert.deepEqual([count, byKey.size], [found.length, found.length]);
        assert.ok(count <= hintsPerTargetMax && bytes <= hintBytesPerTargetMax);
        const each = found.map(({ key, record }) => recordBytes(key, record));
        assert.equal(
          bytes,
          each.reduce((sum, one) => sum + one, 0),
        );
        for (const [key, record] of written) {
          const isKept = compareVersions(byKey.get(formatHex(key)), record.version) >= 0;
          const isDirty = dirty.tokensOf('b').has(byteOrderedPartitioner.tokenOf(key));
          assert.ok(isKept || isDirty, formatHex(key));
        }
        await hints.settled();
        reopen();
        assert.deepEqual([...hints.waitingFor('b')].map(plain), found.map(plain));
        assert.deepEqual([hints.count('b'), hints.summary('b').bytes], [count, bytes]);
        hints.drop('b');
        await hints.settled();
        assert.equal(tables.count('hints'), 0);
      };
      await fc.assert(fc.asyncProperty(writes, limits, check), { numRuns: 50 });
    });
  });
}

describe('a HintStore on a disk that fails', () => {
  let time: SimulatedTime;
  let disk: PowerCutTables;
  let dirty: DirtyTokens;
  let hints: HintStore;

  const reopen = () => {
    hints = new HintStore(
      { clock: new SimulatedHost(time), dirty, logger: silentLogger, ring, tables: disk.tables },
      { node: 'a', limits: defaultHintLimits },
    );
  };

  beforeEach(() => {
    time = new SimulatedTime();
    disk = new PowerCutTables(new SimulatedHost(time));
    dirty = new DirtyTokens(new MemoryDirtyMarks());
    reopen();
  });

  const keep = (key: number, version = v1) => hints.keep('b', numberKey(key), textRecord(version));

  it('marks DIRTY what does not fit on a full disk, and keeps hints again later', async () => {
    keep(1);
    await time.advance(10);
    disk.isFull = true;
    for (const key of [1, 2, 3]) keep(key, v2);
    await time.advance(10);
    assert.deepEqual(dirty.tokensOf('b').tokens(), [1, 2, 3]);
    assert.deepEqual([hints.count('b'), hints.summary('b').dropped], [0, 3]);
    keep(4);
    await time.advance(10);
    assert.deepEqual(dirty.tokensOf('b').tokens(), [1, 2, 3, 4]);
    disk.isFull = false;
    await time.advance(2_000);
    keep(5);
    await time.advance(10);
    disk.cut();
    reopen();
    const found = [...hints.waitingFor('b')].map(({ key }) => key[0]);
    // The older version of key 1 is still on the disk: it is sent once more, which does no harm.
    assert.deepEqual(found, [1, 5]);
  });

  it('marks DIRTY what a broken disk did not take', async () => {
    disk.failFlush(1);
    keep(1);
    keep(2);
    await time.advance(10);
    assert.deepEqual(dirty.tokensOf('b').tokens(), [1, 2]);
    assert.equal(hints.count('b'), 0);
  });

  it('marks nothing for a version that failed when a newer one or the delivery took its place', async () => {
    disk.failFlush(1);
    keep(1);
    hints.remove('b', numberKey(1), v1);
    await time.advance(10);
    assert.ok(dirty.tokensOf('b').isEmpty);
  });

  it('keeps the newest of two rows of one key that a full disk left', async () => {
    keep(1);
    await time.advance(10);
    disk.isFull = true;
    hints.remove('b', numberKey(1), v1);
    await time.advance(10);
    disk.isFull = false;
    await time.advance(2_000);
    keep(1, v3);
    await time.advance(10);
    assert.equal(disk.tables.count('hints'), 2);
    disk.cut();
    reopen();
    assert.deepEqual(
      [...hints.waitingFor('b')].map(({ record }) => record.version),
      [v3],
    );
    await time.advance(10);
    assert.equal(disk.tables.count('hints'), 1);
    assert.ok(dirty.tokensOf('b').isEmpty);
  });

  it('has after a power cut what was flushed', async () => {
    keep(1);
    await time.advance(10);
    keep(2);
    disk.cut();
    reopen();
    assert.deepEqual(
      [...hints.waitingFor('b')].map(({ key }) => key[0]),
      [1],
    );
  });

  it('removes a row only after the mark for it is durable', async () => {
    let isDurable = () => {};
    const marks = new MemoryDirtyMarks();
    dirty = new DirtyTokens({
      tokensOf: (target) => marks.tokensOf(target),
      mark: (target, tokens) => {
        void marks.mark(target, tokens);
        return new Promise((resolve) => {
          isDurable = resolve;
        });
      },
      clear: (target, tokens) => marks.clear(target, tokens),
    });
    reopen();
    keep(1);
    await time.advance(10);
    hints.abandon('b', numberKey(1), v1);
    await time.advance(10);
    assert.equal(hints.count('b'), 0);
    assert.equal(disk.tables.count('hints'), 1);
    isDurable();
    await time.advance(10);
    assert.equal(disk.tables.count('hints'), 0);
  });
});

function text(value: string) {
  return { kind: 'text', bytes: encodeText(value) } as const;
}

function tokensFrom(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function rows(tables: Tables): readonly Entry[] {
  return tables.range('hints', { start: new Uint8Array(), limit: 1_000, bytesMax: 2 ** 30 });
}

/** A hint with its bytes as text, so that two are equal when their bytes are. */
function plain({ key, record }: Hint) {
  const { version, value } = record;
  return [formatHex(key), version, value && { ...value, bytes: formatHex(value.bytes) }];
}
