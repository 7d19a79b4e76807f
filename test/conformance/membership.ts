import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Membership } from '../../src/membership/membership.ts';

/** A membership under test, and the way to end what it started. */
export interface MembershipUnderTest {
  readonly membership: Membership;
  stop?(): Promise<void>;
}

/** What every Membership promises. `create` makes one for a ring of these nodes. */
export function membershipConformance(
  name: string,
  create: (nodes: readonly string[]) => Promise<MembershipUnderTest>,
): void {
  describe(`${name} as a Membership`, () => {
    let underTest: MembershipUnderTest;
    let membership: Membership;
    let recovered: string[];

    beforeEach(async () => {
      underTest = await create(['replica0', 'replica1', 'replica2']);
      membership = underTest.membership;
      recovered = [];
      membership.onRecovered((node) => recovered.push(node));
    });

    afterEach(() => underTest.stop?.());

    it('shows every node of the ring before any was met', () => {
      const incarnations = [...membership.view().incarnations];
      assert.deepEqual(incarnations, [
        ['replica0', undefined],
        ['replica1', undefined],
        ['replica2', undefined],
      ]);
    });

    it('tells of each new incarnation once, however often it is met', () => {
      membership.reportIncarnation('replica1', 11n);
      membership.reportIncarnation('replica1', 11n);
      assert.deepEqual(recovered, ['replica1']);
      membership.reportIncarnation('replica1', 12n);
      assert.deepEqual(recovered, ['replica1', 'replica1']);
      assert.equal(membership.view().incarnations.get('replica1'), 12n);
      assert.equal(membership.view().incarnations.get('replica2'), undefined);
    });

    it('tells all listeners', () => {
      const also: string[] = [];
      membership.onRecovered((node) => also.push(node));
      membership.reportIncarnation('replica2', 5n);
      assert.deepEqual(recovered, ['replica2']);
      assert.deepEqual(also, ['replica2']);
    });

    it('shows the new incarnation to a listener that looks', () => {
      let seen: bigint | undefined;
      membership.onRecovered((node) => {
        seen = membership.view().incarnations.get(node);
      });
      membership.reportIncarnation('replica0', 9n);
      assert.equal(seen, 9n);
    });

    it('takes no node that the ring does not know', () => {
      membership.reportIncarnation('stranger', 1n);
      assert.deepEqual(recovered, []);
      assert.equal(membership.view().incarnations.has('stranger'), false);
    });

    it('gives views that do not change later', () => {
      const before = membership.view();
      membership.reportIncarnation('replica1', 11n);
      assert.equal(before.incarnations.get('replica1'), undefined);
    });
  });
}
