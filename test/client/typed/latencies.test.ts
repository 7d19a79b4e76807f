import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Latencies } from '../../../src/client/typed/latencies.ts';
import { SeededRandom } from '../../support/simulated-time.ts';

describe('what is slow', () => {
  it('is not known before a hundred answers', () => {
    const latencies = new Latencies();
    for (let count = 0; count < 99; count++) latencies.add(1);
    assert.equal(latencies.slowMs, undefined);
    latencies.add(1);
    assert.ok(latencies.slowMs !== undefined);
  });

  it('is what all but a twentieth stay below, to a class of the histogram', () => {
    const random = new SeededRandom(1);
    for (const scaleMs of [0.2, 5, 300]) {
      const latencies = new Latencies();
      for (let count = 0; count < 10_000; count++) latencies.add(scaleMs * (1 + random.fraction()));
      const slowMs = latencies.slowMs ?? 0;
      assert.ok(slowMs > 1.85 * scaleMs && slowMs < 2.15 * scaleMs, `${slowMs} of ${scaleMs}`);
    }
  });

  it('changes when the times do', () => {
    const latencies = new Latencies();
    for (let count = 0; count < 100_000; count++) latencies.add(1);
    for (let count = 0; count < 10_000; count++) latencies.add(50);
    assert.ok((latencies.slowMs ?? 0) > 45);
    for (let count = 0; count < 40_000; count++) latencies.add(1);
    assert.ok((latencies.slowMs ?? 99) < 1.2);
  });

  it('may be immeasurably short or very long', () => {
    const latencies = new Latencies();
    for (let count = 0; count < 100; count++) latencies.add(0);
    assert.ok((latencies.slowMs ?? 1) <= 0.1);
    for (let count = 0; count < 1_000; count++) latencies.add(1e9);
    assert.ok((latencies.slowMs ?? 0) > 10_000);
  });
});
