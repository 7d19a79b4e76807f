import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryStorage } from '../../src/storage/memory-storage.ts';
import { Scrubber } from '../../src/transfer/scrubber.ts';
import { SeededRandom, SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

const passMs = 600_000;

/** A scrubber over so many records, and when it looked at each. */
async function scrubberOver(count: number, seed = 1) {
  const time = new SimulatedTime();
  const storage = new MemoryStorage();
  const looks = new Map<string, number[]>();
  let slices = 0;
  const { range } = storage;
  storage.range = (slice) => {
    slices++;
    const found = range.call(storage, slice);
    for (const { key } of found) {
      const id = Buffer.from(key).toString('hex');
      looks.set(id, [...(looks.get(id) ?? []), time.nowMs]);
    }
    return found;
  };
  for (let index = 0; index < count; index++) {
    const key = Uint8Array.of(index, index >> 8);
    const version = { clock: 1n, node: 'a' };
    await storage.applyBatch([{ key, record: { version, value: undefined } }]);
  }
  const scrubber = new Scrubber(
    {
      clock: new SimulatedHost(time),
      random: new SeededRandom(seed),
      logger: silentLogger,
      storage,
    },
    { passMs },
  );
  return { time, scrubber, looks, slices: () => slices };
}

describe('Scrubber', () => {
  it('looks at every record once in each pass, in the time given', async () => {
    const { time, scrubber, looks } = await scrubberOver(2_000);
    scrubber.start();
    await time.advance(60_000 + 3 * passMs);
    assert.equal(looks.size, 2_000);
    for (const times of looks.values()) assert.ok(times.length === 3 || times.length === 2);
    assert.ok(scrubber.passes === 2 && scrubber.lastPassMs !== undefined, `${scrubber.passes}`);
    scrubber.stop();
    const before = [...looks.values()].flat().length;
    await time.advance(passMs);
    assert.equal([...looks.values()].flat().length, before);
  });

  it('counts no pass before it has seen everything', async () => {
    const { time, scrubber } = await scrubberOver(2_000);
    scrubber.start();
    await time.advance(passMs);
    assert.equal(scrubber.passes, 0);
    assert.equal(scrubber.lastPassMs, undefined);
  });

  it('begins elsewhere in each run', async () => {
    const first = async (seed: number) => {
      const { time, scrubber, looks } = await scrubberOver(2_000, seed);
      scrubber.start();
      await time.advance(60_000);
      return [...looks.keys()][0];
    };
    assert.notEqual(await first(1), await first(2));
  });

  it('does next to nothing where there is nothing', async () => {
    for (const count of [0, 1, 10]) {
      const { time, scrubber, slices } = await scrubberOver(count);
      scrubber.start();
      await time.advance(10 * passMs);
      assert.ok(slices() >= 5 && slices() <= 150, `${slices()} slices of ${count} records`);
    }
  });
});
