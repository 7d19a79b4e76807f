import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  clockAtMs,
  clockToMs,
  compareVersions,
  formatVersion,
  newerVersion,
} from '../../src/record/version.ts';
import { reconcile } from '../../src/record/versioned-value.ts';
import { arbitraryRecord, arbitraryVersion, versionAt } from './samples.ts';

const maybeVersion = fc.option(arbitraryVersion, { nil: undefined });
const maybeRecord = fc.option(arbitraryRecord, { nil: undefined });

function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

describe('versions', () => {
  it('are ordered by clock, then by node, and never written comes first', () => {
    const inOrder = [
      undefined,
      { clock: 0n, node: 'b' },
      { clock: 9n, node: 'a' },
      { clock: 9n, node: 'b' },
      { clock: 10n, node: 'a' },
      { clock: (1n << 63n) + 1n, node: 'a' },
    ];
    for (const [leftAt, left] of inOrder.entries()) {
      for (const [rightAt, right] of inOrder.entries()) {
        assert.equal(compareVersions(left, right), Math.sign(leftAt - rightAt));
      }
    }
  });

  it('compare as texts as they compare as versions', () => {
    fc.assert(
      fc.property(maybeVersion, maybeVersion, (left, right) => {
        const ofTexts = compareTexts(formatVersion(left), formatVersion(right));
        assert.equal(ofTexts, compareVersions(left, right));
      }),
    );
  });

  it('carry the millisecond they were made in', () => {
    assert.equal(clockToMs(clockAtMs(1_767_225_600_123.9)), 1_767_225_600_123);
    assert.equal(clockToMs(clockAtMs(5) | 0xffffn), 5);
    assert.equal(clockToMs(clockAtMs(2 ** 48 - 1)), 2 ** 48 - 1);
  });

  it('have one newer of two, whichever is named first', () => {
    const [older, newer] = [versionAt(1), versionAt(2)];
    assert.equal(newerVersion(older, newer), newer);
    assert.equal(newerVersion(newer, older), newer);
    assert.equal(newerVersion(undefined, older), older);
  });
});

describe('reconcile', () => {
  // Equal versions are equal values, so records are told apart by their version.
  const versionOf = (left: Parameters<typeof reconcile>[0], right: typeof left) =>
    formatVersion(reconcile(left, right)?.version);

  it('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(maybeRecord, maybeRecord, maybeRecord, (one, two, three) => {
        assert.equal(versionOf(one, two), versionOf(two, one));
        const inOrder = versionOf(reconcile(one, two), three);
        assert.equal(inOrder, versionOf(one, reconcile(two, three)));
        assert.equal(reconcile(one, one), one);
      }),
    );
  });

  it('picks one of the two, the newer, tombstone or not', () => {
    fc.assert(
      fc.property(maybeRecord, maybeRecord, (left, right) => {
        const newer = reconcile(left, right);
        assert.ok(newer === left || newer === right);
        for (const record of [left, right]) {
          assert.ok(compareVersions(newer?.version, record?.version) >= 0);
        }
      }),
    );
  });
});
