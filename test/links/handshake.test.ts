import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeHello, protocolVersion } from '../../src/links/handshake.ts';
import { helloOf } from './fake-streams.ts';

const own = helloOf('a');

function judge(change: Parameters<typeof helloOf>[1], live?: bigint, dataId?: string) {
  return judgeHello(helloOf('b', change), {
    own,
    nodes: ['a', 'b', 'c'],
    liveIncarnationOf: (node) => (node === 'b' ? live : undefined),
    dataIdOf: (node) => (node === 'b' ? dataId : undefined),
  });
}

describe('judgeHello', () => {
  it('accepts a node of the same cluster and ring', () => {
    assert.equal(judge({}), undefined);
    assert.equal(judge({ incarnation: 99n, clockMs: 12_345 }), undefined);
  });

  for (const [reason, change, named] of [
    ['protocol-version', { protocolVersion: 1 }, ['2', '1']],
    ['cluster-name', { clusterName: 'other' }, ['"test"', '"other"']],
    ['unknown-node', { node: 'z' }, ['"z"']],
    ['ring', { ringDigest: 'circle' }, ['ring', 'circle']],
  ] as const) {
    it(`refuses another ${reason} and names both sides`, () => {
      const refusal = judge(change);
      assert.equal(refusal?.reason, reason);
      for (const name of ['a', ...named]) assert.ok(refusal?.message.includes(name), name);
    });
  }

  it('refuses another run of a name while the first answers, and takes the first again', () => {
    assert.equal(judge({ incarnation: 2n }, 1n)?.reason, 'duplicate-node');
    assert.equal(judge({ incarnation: 1n }, 1n), undefined);
    assert.equal(judge({ incarnation: 2n }, undefined), undefined);
  });

  it('names the difference that explains the others', () => {
    const change = { protocolVersion: 1, clusterName: 'other', node: 'z', ringDigest: 'circle' };
    assert.equal(judge(change)?.reason, 'protocol-version');
    assert.equal(judge({ ...change, protocolVersion })?.reason, 'cluster-name');
  });

  it('knows a node by its data', () => {
    assert.equal(judge({ dataId: '5-first' }), undefined, 'never met');
    assert.equal(judge({ dataId: '5-first' }, undefined, '5-first'), undefined);
    assert.equal(judge({ dataId: '' }), undefined, 'always in memory');
    const refusal = judge({ dataId: '7-other' }, undefined, '5-first');
    assert.equal(refusal?.reason, 'data-id');
    for (const part of ['b', '7-other', '5-first', '--rebuild']) {
      assert.ok(refusal?.message.includes(part), part);
    }
  });

  it('refuses a node in memory that it knows with a directory: it has lost what it held', () => {
    const refusal = judge({ dataId: '' }, undefined, '5-first');
    assert.equal(refusal?.reason, 'data-id');
    assert.match(refusal.message, /b comes with no data directory, a knows it with 5-first/);
  });

  it('takes a directory that was made to be rebuilt for one that is older, and never back', () => {
    const rebuilt = { dataId: '7-other', isRebuilt: true };
    assert.equal(judge(rebuilt, undefined, '5-first'), undefined);
    const older = judge(rebuilt, undefined, '9-later');
    assert.equal(older?.reason, 'data-id');
    assert.match(older?.message ?? '', /its clock was wrong when this one was made/);
    assert.equal(judge({ dataId: '5-first' }, undefined, '7-other')?.reason, 'data-id');
  });
});
