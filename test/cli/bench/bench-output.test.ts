/** What a benchmark says while it runs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BenchProgress } from '../../../src/cli/bench/bench-output.ts';
import { SimulatedHost, SimulatedTime } from '../../support/simulated-time.ts';

describe('the progress of a benchmark', () => {
  it('tells every five seconds how many of the keys are written where there is no terminal', async () => {
    const time = new SimulatedTime();
    const clock = new SimulatedHost(time);
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) };
    const line = new BenchProgress({ clock, stream }).eachKey('writing the keys');
    for (let keys = 0; keys <= 100_000; keys += 1_000) {
      line.show(keys, 'keys', keys / 1_000_000);
      await time.advance(100);
    }
    line.close();
    assert.deepEqual(written, [
      'bench: writing the keys: 5%, 50,000 keys, 10,000 a second\n',
      'bench: writing the keys: 10%, 100,000 keys, 10,000 a second\n',
    ]);
  });
});
