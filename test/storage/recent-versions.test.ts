import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecentVersions } from '../../src/storage/recent-versions.ts';
import { versionAt } from '../record/samples.ts';

describe('RecentVersions', () => {
  it('keeps what is used, and forgets the rest within two generations', () => {
    const recent = new RecentVersions(10);
    recent.set('used', versionAt(1));
    recent.set('unused', versionAt(2));
    for (let index = 0; index < 100; index++) {
      recent.set(`other ${index}`, versionAt(index));
      assert.deepEqual(recent.get('used'), versionAt(1));
    }
    assert.equal(recent.get('unused'), undefined);
    const kept = Array.from({ length: 100 }, (_, index) => recent.get(`other ${index}`));
    assert.ok(kept.filter((version) => version !== undefined).length < 20);
  });

  it('forgets a version in whichever generation it is', () => {
    const recent = new RecentVersions(1);
    for (const name of ['old', 'young']) recent.set(name, versionAt(1));
    for (const name of ['old', 'young']) recent.delete(name);
    assert.deepEqual([recent.get('old'), recent.get('young')], [undefined, undefined]);
  });
});
