import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callsOf } from './known-calls.ts';
import { linearizabilityOf } from './linearizability.ts';

function contradiction(lines: string): string[] {
  const verdict = linearizabilityOf(callsOf(lines));
  assert.equal(verdict.kind, 'violated');
  if (verdict.kind !== 'violated') return [];
  return verdict.calls.map(({ client }) => client);
}

describe('what contradicts itself', () => {
  it('is told in the fewest calls, from the shortest beginning that does', () => {
    const lines = `
      a 0-10 put one
      b 12-20 get one
      c 22-30 put two
      d 32-40 put three
      e 42-50 get two
      f 52-60 get three
      g 62-70 get one
    `;
    assert.deepEqual(contradiction(lines), ['c', 'd', 'e']);
  });

  it('keeps the deletes that could explain an absence', () => {
    const lines = `
      a 0-10 put one
      b 12-20 get one
      c 30-40 get nothing
      d 50-60 delete
      e 70-80 get nothing
    `;
    assert.deepEqual(contradiction(lines), ['a', 'c']);
  });

  it('leaves out the deletes that were overwritten', () => {
    const lines = `
      a 0-10 delete
      b 20-30 put one
      c 40-50 delete
      d 60-70 put two
      e 80-90 get nothing
      f 100-110 put three
    `;
    assert.deepEqual(contradiction(lines), ['d', 'e']);
  });

  it('leaves out no delete that a get needs which it keeps', () => {
    const lines = `
      a 0-10 put one
      b 20-30 delete
      c 40-50 get nothing
      d 60-70 put two
      e 80-90 get one
    `;
    assert.deepEqual(contradiction(lines), ['a', 'b', 'e']);
  });
});
