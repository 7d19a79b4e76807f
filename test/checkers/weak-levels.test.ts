import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consistencyLevels } from '../../src/consistency/consistency-level.ts';
import { callsOf } from './known-calls.ts';
import { type Anomaly, anomaliesIn, brokenWeakPromisesIn, isAdmitted } from './weak-levels.ts';

function namesIn(lines: string): Anomaly['name'][] {
  return anomaliesIn(callsOf(lines)).map(({ name }) => name);
}

/** What is admitted of a kind of history, for each pair of levels of the two calls. */
function admitted(linesOf: (earlier: string, later: string) => string): string[] {
  return consistencyLevels.map((earlier) => {
    const words = consistencyLevels.map((later) => {
      const anomalies = anomaliesIn(callsOf(linesOf(earlier, later)));
      assert.ok(anomalies.length > 0, `${earlier} ${later}`);
      return anomalies.every((anomaly) => isAdmitted(anomaly)) ? 'yes' : 'no';
    });
    return `${earlier}: ${words.join(' ')}`;
  });
}

describe('an anomaly', () => {
  it('is named by what the later call shows or makes', () => {
    assert.deepEqual(namesIn('a 0-10 put x ONE v2\nb 20-30 get nothing ONE'), ['staleRead']);
    assert.deepEqual(
      namesIn('a 0-90 put x ONE v2\nb 20-30 get x ONE v2\nc 40-50 get nothing ONE'),
      ['flicker'],
    );
    assert.deepEqual(namesIn('a 0-? put x ONE\nb 20-30 get x ONE v2\nc 40-50 get nothing ONE'), [
      'flicker',
    ]);
    assert.deepEqual(
      namesIn('a 0-31 put x ONE v2\nb 20-30 get x ONE v2\nc 40-50 get nothing ONE'),
      ['wentBack', 'staleRead'],
    );
    assert.deepEqual(namesIn('a 0-10 put x ONE v2\nb 20-30 put y ONE v1'), ['lostUpdate']);
    assert.deepEqual(namesIn('a 0-10 put x ONE v2\nb 5-30 put y ONE v1\nc 5-30 get nothing'), []);
  });

  // Rows and columns: ONE, TWO, THREE, QUORUM, ALL.
  it('is admitted for a get after a write unless one is at ALL or both are at QUORUM', () => {
    assert.deepEqual(
      admitted((write, get) => `a 0-10 put x ${write} v2\nb 20-30 get nothing ${get}`),
      [
        'ONE: yes yes yes yes no',
        'TWO: yes yes yes yes no',
        'THREE: yes yes yes yes no',
        'QUORUM: yes yes yes no no',
        'ALL: no no no no no',
      ],
    );
  });

  it('is admitted for a get after a get, and a write after a write, unless both are strong', () => {
    const onlyStrong = [
      'ONE: yes yes yes yes yes',
      'TWO: yes yes yes yes yes',
      'THREE: yes yes yes yes yes',
      'QUORUM: yes yes yes no no',
      'ALL: yes yes yes no no',
    ];
    const gets = (first: string, second: string) =>
      `a 0-? put x\nb 20-30 get x ${first} v2\nc 40-50 get nothing ${second}`;
    const writes = (first: string, second: string) =>
      `a 0-10 put x ${first} v2\nb 20-30 delete ${second} v1`;
    assert.deepEqual(admitted(gets), onlyStrong);
    assert.deepEqual(admitted(writes), onlyStrong);
  });

  it('is admitted where a disk was lost if only that disk may have acknowledged the write', () => {
    const missed = (level: string) => callsOf(`a 0-10 put x ${level} v2\nb 20-30 get nothing ALL`);
    assert.equal(brokenWeakPromisesIn(missed('ONE')).length, 1);
    assert.equal(brokenWeakPromisesIn(missed('ONE'), { isDiskLost: true }).length, 0);
    assert.equal(brokenWeakPromisesIn(missed('TWO'), { isDiskLost: true }).length, 1);
    const [strong] = anomaliesIn(missed('QUORUM'));
    assert.ok(strong && !isAdmitted(strong, { isDiskLost: true }));
  });
});
