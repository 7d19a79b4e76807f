import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callsOf } from './known-calls.ts';
import { type HeldCopy, lossesIn, type SurvivalOptions } from './survival.ts';

/** Three replicas that hold what is said, such as `['x', 'v2']`; the last one for all that follow. */
function losses(
  lines: string,
  held: readonly (readonly [text: string | undefined, version: string])[],
  options: Partial<SurvivalOptions> = {},
): string[] {
  const copies: HeldCopy[] = ['n0', 'n1', 'n2'].map((node, index) => {
    const [text, version] = held[index] ?? held.at(-1) ?? [undefined, ''];
    return { node, text, version };
  });
  return lossesIn(callsOf(lines), copies, { atMs: 5_000, ...options });
}

function assertLoss(found: readonly string[], ...words: readonly string[]): void {
  assert.equal(found.length, words.length, found.join('\n'));
  for (const [index, some] of words.entries())
    assert.ok(found[index]?.includes(some), found[index]);
}

describe('what replicas hold at the end', () => {
  it('is the newest write that was acknowledged, or a newer one of unknown outcome', () => {
    const lines = 'a 0-10 put x v1\nb 20-30 put y v2\nc 40-? put z';
    assert.deepEqual(losses(lines, [['y', 'v2']]), []);
    assert.deepEqual(losses(lines, [['z', 'v3']]), []);
    const lost = 'holds "x" as "v1" after b 20–30 put QUORUM ok "y" v2';
    assertLoss(losses(lines, [['x', 'v1']]), `n0 ${lost}`, `n1 ${lost}`, `n2 ${lost}`);
  });

  it('is nothing if nothing was written or all of it failed', () => {
    assert.deepEqual(losses('a 0-10 put x failed', [[undefined, '']]), []);
    assert.deepEqual(losses('', [[undefined, '']]), []);
  });

  it('is the same everywhere, its text too', () => {
    const lines = 'a 0-10 put x v1\nb 20-? put y';
    const halves = losses(lines, [
      ['x', 'v1'],
      ['y', 'v2'],
      ['x', 'v1'],
    ]);
    assertLoss(halves, 'n1 holds "y" as "v2", but n0 holds "x" as "v1"');
    const mixed = losses(lines, [
      ['x', 'v1'],
      ['y', 'v1'],
      ['x', 'v1'],
    ]);
    assertLoss(mixed, 'n1 holds "y" as "v1", but n0', 'its version holds "x"');
  });

  it('is nothing that failed or that nobody wrote', () => {
    const lines = 'a 0-10 put x v1\nb 20-30 put y failed';
    assert.deepEqual(
      new Set(losses(lines, [['y', 'v2']]).map((loss) => loss.slice(-14))),
      new Set(['its put failed']),
    );
    assertLoss(
      losses(lines, [
        ['z', 'v2'],
        ['x', 'v1'],
      ]),
      'n1 holds',
      'n2 holds',
      'nobody wrote that',
    );
  });

  it('counts what was acknowledged at a weak level and what a weak get has shown', () => {
    const put = 'a 0-10 put x v1\nb 20-30 put y ONE v2';
    const get = 'a 0-10 put x v1\nb 20-? put y\nc 30-40 get y ONE v2';
    for (const lines of [put, get]) {
      assert.equal(losses(lines, [['x', 'v1']]).length, 3);
    }
  });

  it('may be older where a disk was lost, if no other had it for certain', () => {
    const old = (line: string) =>
      losses(`a 0-10 put x v1\nb 15-? put y\n${line}`, [['x', 'v1']], { isDiskLost: true });
    for (const line of ['c 20-30 delete ONE v2', 'c 20-30 get y ONE v2', 'c 20-30 get y TWO v2']) {
      assert.deepEqual(old(line), []);
    }
    for (const line of ['c 20-30 delete TWO v2', 'c 20-30 get y v2', 'c 20-30 get y ALL v2']) {
      assert.equal(old(line).length, 3);
    }
  });

  it('is no deleted value', () => {
    const lines = 'a 0-10 put x v1\nb 20-30 delete v2';
    assert.deepEqual(losses(lines, [[undefined, 'v2']]), []);
    assert.equal(losses(lines, [['x', 'v1']]).length, 3);
    const kept = losses(lines, [
      ['x', 'v2'],
      [undefined, 'v2'],
    ]);
    assert.equal(kept.length, 6);
    assertLoss(kept.slice(0, 3), 'n1 holds nothing', 'n2 holds nothing', 'is of a delete');
  });

  it('may be a tombstone here and the floor that replaced it there', () => {
    const lines = 'a 0-10 put x v1-n\nb 20-30 delete v2-n';
    const forgotten = [
      [undefined, 'v3-!'],
      [undefined, 'v2-n'],
      [undefined, ''],
    ] as const;
    assert.deepEqual(losses(lines, forgotten), []);
    assertLoss(
      losses(lines, [
        [undefined, 'v3-!'],
        ['x', 'v1-n'],
        [undefined, 'v3-!'],
      ]),
      'n1 holds "x"',
      'n1 holds "x" as "v1-n" after',
    );
    assertLoss(losses(lines, [[undefined, 'v1-!']]), 'n0', 'n1', 'n2');
  });

  it('may be an expired value or nothing, but not what it replaced', () => {
    const lines = 'a 0-10 put x v1-n\nb 20-30 put y v2-n expires=1000';
    assert.deepEqual(
      losses(lines, [
        ['y', 'v2-n'],
        [undefined, 'v3-!'],
        ['y', 'v2-n'],
      ]),
      [],
    );
    assert.equal(losses(lines, [['x', 'v1-n']]).length, 3);
    const early = losses(
      lines,
      [
        ['y', 'v2-n'],
        [undefined, 'v3-!'],
      ],
      { atMs: 500 },
    );
    assertLoss(early, 'n1 holds nothing', 'n2 holds nothing');
  });
});
