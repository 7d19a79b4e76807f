import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MortalClock } from '../../src/testing/mortal-clock.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

it('calls back until its end, and nothing that was planned before or after', async () => {
  const time = new SimulatedTime();
  const clock = new MortalClock(new SimulatedHost(time));
  const called: string[] = [];
  clock.schedule(1, () => called.push('before'));
  clock.schedule(1, () => called.push('cancelled')).cancel();
  clock.schedule(3, () => called.push('planned'));
  await time.advance(2);
  clock.end();
  clock.schedule(1, () => called.push('after')).cancel();
  clock.schedule(1, () => called.push('after'));
  await time.advance(10);
  assert.deepEqual(called, ['before']);
});
