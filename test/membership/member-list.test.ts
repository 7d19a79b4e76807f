import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemberList } from '../../src/membership/member-list.ts';

const names = ['a', 'b', 'c', 'd'];
const member = (node: string, czxid: bigint) => ({ node, czxid, incarnation: czxid });
const all = names.map((node, index) => member(node, BigInt(index + 1)));

function filled(): MemberList {
  const list = new MemberList(names);
  list.update(all);
  return list;
}

describe('a member list', () => {
  it('tells of each member once', () => {
    const list = new MemberList(names);
    assert.deepEqual(list.update(all).recovered, all);
    assert.deepEqual(list.update(all), { recovered: [], gone: [], alarm: undefined });
  });

  it('sees a registration that was deleted and made anew between two looks', () => {
    const list = filled();
    const again = all.map((one) => (one.node === 'b' ? { ...one, czxid: 9n } : one));
    assert.deepEqual(
      list.update(again).recovered.map(({ node }) => node),
      ['b'],
    );
  });

  it('tells who is gone and who came back', () => {
    const list = filled();
    assert.deepEqual(list.update(all.slice(1)).gone, ['a']);
    assert.deepEqual(list.update([...all.slice(1), member('a', 7n)]).recovered, [member('a', 7n)]);
  });

  it('does not believe an empty list, nor one that has lost most members at once', () => {
    const list = filled();
    assert.equal(list.update([]).alarm, 'empty');
    assert.equal(list.update(all.slice(0, 1)).alarm, 'shrunk');
    assert.equal(list.members.size, 4, 'the last list stands');
    assert.equal(list.update(all.slice(0, 2)).alarm, undefined, 'half may be gone');
  });

  it('does not believe a list of the same names in other places either', () => {
    const list = filled();
    assert.equal(list.update([member('x', 1n), member('y', 2n)]).alarm, 'empty');
  });

  it('takes an empty list while it knows nobody', () => {
    assert.equal(new MemberList(names).update([]).alarm, undefined);
  });

  it('takes no name that the ring does not know', () => {
    const list = new MemberList(names);
    list.update([...all, member('stranger', 5n)]);
    assert.equal(list.members.has('stranger'), false);
  });
});
