import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { formatHex } from '../../src/base/bytes.ts';
import { defaultHintLimits, type HintLimits, type HintStore } from '../../src/hints/hint-store.ts';
import { compareVersions } from '../../src/record/version.ts';
import { recordBytes, type VersionedValue } from '../../src/record/versioned-value.ts';
import { byteOrderedPartitioner, type Partitioner } from '../../src/ring/partitioner.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import {
  arbitraryKey,
  arbitraryRecord,
  numberKey,
  textRecord,
  versionAt,
} from '../record/samples.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

const [v1, v2, v3] = [versionAt(1), versionAt(2), versionAt(3)];

/** What a store is made of. */
export interface HintStoreSetting {
  readonly clock: Clock;
  readonly partitioner: Partitioner;
  readonly limits: HintLimits;
}

/** What every HintStore promises. `create` gives an empty one each time. */
export function hintStoreConformance(
  name: string,
  create: (setting: HintStoreSetting) => HintStore,
): void {
  describe(`${name} as a HintStore`, () => {
    let time: SimulatedTime;
    let hints: HintStore;

    const createWith = (limits: Partial<HintLimits> = {}) =>
      create({
        clock: new SimulatedHost(time),
        partitioner: byteOrderedPartitioner,
        limits: { ...defaultHintLimits, ...limits },
      });

    beforeEach(() => {
      time = new SimulatedTime();
      hints = createWith();
    });

    const keep = (key: number, record: VersionedValue, target = 'b') =>
      hints.keep(target, numberKey(key), record);
    const kept = (limit = 1_000, target = 'b') =>
      hints.page(target, limit).map(({ key, record }) => [key[0], record.version]);

    it('gives hints back with their original record, the longest kept first', () => {
      keep(3, textRecord(v1, 'one'));
      keep(1, { version: v2, value: undefined });
      assert.deepEqual(kept(), [
        [3, v1],
        [1, v2],
      ]);
      const [first, second] = hints.page('b', 2);
      assert.deepEqual(first?.record, textRecord(v1, 'one'));
      assert.equal(second?.record.value, undefined);
      assert.deepEqual(kept(1), [[3, v1]]);
    });

    it('keeps the hints of each target apart', () => {
      keep(1, textRecord(v1), 'b');
      keep(1, textRecord(v2), 'c');
      hints.remove('b', numberKey(1), v1);
      assert.deepEqual(kept(9, 'b'), []);
      assert.deepEqual(kept(9, 'c'), [[1, v2]]);
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
        dirtyTokens: [],
        dropped: 0,
      });
    });

    it('marks the token of a hint over the count DIRTY, and still takes newer versions', () => {
      hints = createWith({ hintsPerTargetMax: 2 });
      for (const key of [5, 9, 200, 100]) keep(key, textRecord(v1));
      keep(5, textRecord(v2));
      assert.deepEqual(kept(), [
        [5, v2],
        [9, v1],
      ]);
      assert.deepEqual(hints.summary('b').dirtyTokens, [100, 200]);
      assert.equal(hints.summary('b').dropped, 2);
      assert.deepEqual(hints.summary('c').dirtyTokens, []);
    });

    it('marks the token of a hint over the bytes DIRTY', () => {
      const record = textRecord(v1, 'x'.repeat(100));
      hints = createWith({ hintBytesPerTargetMax: 2 * recordBytes(numberKey(1), record) });
      for (const key of [1, 2, 3]) keep(key, record);
      assert.equal(hints.summary('b').count, 2);
      assert.deepEqual(hints.summary('b').dirtyTokens, [3]);
      hints.remove('b', numberKey(1), v1);
      keep(4, record);
      assert.equal(hints.summary('b').count, 2);
      assert.equal(hints.summary('b').dropped, 1);
    });

    it('gives up the older version too when the newer does not fit in its place', () => {
      const small = textRecord(v1, 'x');
      hints = createWith({ hintBytesPerTargetMax: 200 });
      keep(1, small);
      keep(1, textRecord(v2, 'x'.repeat(1_000)));
      assert.deepEqual(kept(), []);
      assert.deepEqual(hints.summary('b').dirtyTokens, [1]);
      assert.equal(hints.summary('b').bytes, 0);
    });

    it('gives up what can never be delivered and marks its token DIRTY', () => {
      keep(1, textRecord(v1));
      hints.abandon('b', numberKey(1), v1);
      assert.deepEqual(kept(), []);
      assert.deepEqual(hints.summary('b').dirtyTokens, [1]);
      assert.equal(hints.summary('b').dropped, 1);
    });

    it('keeps a newer version than the one that is given up', () => {
      keep(1, textRecord(v2));
      hints.abandon('b', numberKey(1), v1);
      assert.deepEqual(kept(), [[1, v2]]);
    });

    it('drops what is older than the age limit, counted from the first version', async () => {
      hints = createWith({ hintAgeMsMax: 1_000 });
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
      assert.deepEqual(hints.summary('b').dirtyTokens, [1, 2]);
      assert.equal(hints.summary('b').oldestAgeMs, 400);
    });

    it('loses nothing without a trace: each key is kept in its newest version, or DIRTY', () => {
      const writes = fc.array(fc.tuple(arbitraryKey, arbitraryRecord), { maxLength: 30 });
      const limits = fc.tuple(
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 100, max: 3_000 }),
      );
      fc.assert(
        fc.property(writes, limits, (written, [hintsPerTargetMax, hintBytesPerTargetMax]) => {
          const store = createWith({ hintsPerTargetMax, hintBytesPerTargetMax });
          for (const [key, record] of written) store.keep('b', key, record);
          const page = store.page('b', 1_000);
          const summary = store.summary('b');
          const byKey = new Map(page.map((hint) => [formatHex(hint.key), hint.record.version]));
          assert.equal(summary.count, page.length);
          assert.equal(byKey.size, page.length);
          assert.ok(page.length <= hintsPerTargetMax);
          const bytes = page.map(({ key, record }) => recordBytes(key, record));
          assert.equal(
            summary.bytes,
            bytes.reduce((sum, each) => sum + each, 0),
          );
          assert.ok(summary.bytes <= hintBytesPerTargetMax);
          for (const [key, record] of written) {
            const isKept = compareVersions(byKey.get(formatHex(key)), record.version) >= 0;
            const token = byteOrderedPartitioner.tokenOf(key);
            assert.ok(isKept || summary.dirtyTokens.includes(token), formatHex(key));
          }
        }),
      );
    });
  });
}
