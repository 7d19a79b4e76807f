import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ProcessCluster, startCluster, until } from '../support/processes.ts';

const isLong = process.env['QUORATE_TEST_LONG'] === '1';
const keyCount = 400;
const damagedCount = 200;

/** A byte 1 is token 1, held by the nodes 0, 1 and 2. */
const keyOf = (index: number) => `\u0001${index}`;
const textOf = (index: number) => `value-${String(index).padStart(4, '0')}-of-a-record`;

describe('a real node whose disk has flipped bytes', () => {
  let cluster: ProcessCluster;

  before(async () => {
    cluster = await startCluster({ isDurable: true });
  });
  after(() => cluster.stop());

  /** Flips a byte of the value of each of these records in the file of a node that does not run. */
  function flipValues(node: string, indexes: readonly number[]): void {
    const path = join(cluster.directory(node), 'data.mdb');
    const file = readFileSync(path);
    for (const index of indexes) {
      const text = textOf(index);
      let found = 0;
      for (let at = file.indexOf(text); at >= 0; at = file.indexOf(text, at + 1), found++) {
        const place = at + (index % text.length);
        file[place] = (file[place] ?? 0) ^ (1 << (index % 8));
      }
      assert.ok(found > 0, `${text} is in the file`);
    }
    writeFileSync(path, file);
  }

  it('serves no wrong value and no false absence, says so, and is healed', async (test) => {
    const writer = cluster.client('replica3');
    const indexes = Array.from({ length: keyCount }, (_, index) => index);
    await Promise.all(
      indexes.map((index) =>
        writer.put(keyOf(index), { kind: 'text', text: textOf(index) }, { consistency: 'ALL' }),
      ),
    );
    await cluster.kill('replica1');
    flipValues('replica1', indexes.filter((index) => index % 2 === 0).slice(0, damagedCount));
    await cluster.restart('replica1');
    await cluster.untilMet();
    const client = cluster.client('replica1');
    for (const consistency of ['ONE', 'QUORUM'] as const) {
      for (const index of indexes) {
        const { value } = await client.get(keyOf(index), { consistency });
        assert.equal(value?.kind === 'text' ? value.text : value, textOf(index), consistency);
      }
    }
    const { damagedKeys } = await client.describeCluster();
    const alarms = cluster.node('replica1').stderr.match(/"level":"error".*damage/g)?.length ?? 0;
    test.diagnostic(`${damagedKeys} damaged keys are known, ${alarms} alarms`);
    assert.equal(damagedKeys, damagedCount);
    assert.equal(alarms, damagedCount);
    if (!isLong) return;
    const startMs = performance.now();
    await until(
      'all records are healed',
      async () => (await client.describeCluster()).damagedKeys === 0,
      90_000,
    );
    test.diagnostic(`healed ${Math.round(performance.now() - startMs)} ms later`);
    const held = new Map<unknown, unknown>();
    for await (const { key, value } of client.listEntries()) {
      held.set(key, value?.kind === 'text' ? value.text : value);
    }
    assert.deepEqual(held, new Map(indexes.map((index) => [keyOf(index), textOf(index)])));
  });
});
