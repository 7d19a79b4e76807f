/** What the benchmark refuses, and in which words. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  readChoice,
  readIntensities,
  readNumbers,
  readRates,
} from '../../../src/cli/bench/bench-flags.ts';

const none = {
  inFlight: undefined,
  rate: undefined,
  server: undefined,
  zookeeper: undefined,
  path: 'unary',
  killNode: false,
  seconds: 2,
} as const;

describe('the flags of bench', () => {
  it('take several numbers, each once, and refuse what has no end', () => {
    assert.deepEqual(readNumbers('1,16,16', '--in-flight', 256), [1, 16]);
    for (const bad of ['', '0', '1,', '257', '-1', '1;2', '1,2,3,4,5,6,7,8,9']) {
      assert.throws(() => readNumbers(bad, '--in-flight', 256), /--in-flight/);
    }
  });

  it('take words of closed lists, and name themselves with the list when it is another', () => {
    assert.equal(readChoice('Disk', ['memory', 'disk'], '--storage'), 'disk');
    assert.throws(
      () => readChoice('tape', ['memory', 'disk'], '--storage'),
      /"tape" is not a value for --storage: use one of memory, disk/,
    );
  });

  it('make a closed loop unless a rate is given', () => {
    assert.deepEqual(
      readIntensities(none).map((each) => each.kind === 'closed' && each.inFlight),
      [1, 16, 64],
    );
    const open = { kind: 'open', perSecond: 500 } as const;
    assert.deepEqual(readIntensities({ ...none, rate: readRates('500') }), [open]);
  });

  it('measure what is possible first where a rate is a part of it', () => {
    const rate = readRates('150%,40');
    assert.deepEqual(readIntensities({ ...none, inFlight: [64], rate }), [
      { kind: 'closed', inFlight: 64 },
      { kind: 'share', ofClosed: 1.5 },
      { kind: 'open', perSecond: 40 },
    ]);
    for (const bad of ['%', '0%', '1001%', '-5%', '1.5%', '1000001']) {
      assert.throws(() => readRates(bad), /--rate/);
    }
  });

  it('refuse a rate and callers at once, naming both', () => {
    assert.throws(
      () => readIntensities({ ...none, rate: readRates('500'), inFlight: [16] }),
      /--rate and --in-flight/,
    );
  });

  it('refuse more unary calls than a connection carries, and say what to do', () => {
    assert.throws(
      () => readIntensities({ ...none, inFlight: [16, 257] }),
      /--in-flight 257.*--path/,
    );
    assert.equal(readIntensities({ ...none, inFlight: [257], path: 'pipelined' }).length, 1);
  });

  it('kill nodes of own clusters only, and only when there is time to see what comes of it', () => {
    const kill = { ...none, killNode: true };
    assert.throws(() => readIntensities(kill), /--kill-node needs --seconds 6/);
    assert.throws(
      () => readIntensities({ ...kill, seconds: 8, server: 'a:1' }),
      /--kill-node is for an own cluster/,
    );
    assert.equal(readIntensities({ ...kill, seconds: 8 }).length, 3);
  });
});
