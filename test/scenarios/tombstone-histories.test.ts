import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { repairModes } from '../../src/consistency/repair-mode.ts';
import { compareVersions, isFloorVersion, type Version } from '../../src/record/version.ts';
import { SimulatedCluster, textValue } from '../support/simulated-cluster.ts';
import { backwardsIn, type Observation } from '../support/version-order.ts';

const holders = ['replica0', 'replica1', 'replica2'] as const;
const isLong = process.env['QUORATE_TEST_LONG'] === '1';
/** With seed 3 a disk is lost. */
const seeds = isLong ? Array.from({ length: 60 }, (_, index) => index + 1) : [2, 3];
const durationMs = isLong ? 240_000 : 150_000;
const groups = 12;
const keysPerGroup = 12;
const groupMs = 4_000;

/** What a client did to one key, and what it learned. */
interface Observed extends Observation {
  /** Whether the key had a value then. */
  readonly isPresent: boolean;
}

interface KeyHistory {
  readonly observed: Observed[];
  /** Deletes of which nobody knows whether they happened: when they began. */
  readonly uncertainMs: number[];
}

describe('while tombstones go', () => {
  it('no read shows what was deleted or hides what was written, whatever fails', async () => {
    let purged = 0;
    let withFloors = 0;
    for (const seed of seeds) {
      const history = await run(seed);
      assert.deepEqual(history.violations, [], `seed ${seed}`);
      assert.deepEqual(history.outdated, [], `seed ${seed}`);
      purged += history.purged;
      withFloors += history.withFloors;
    }
    assert.ok(purged > 50 * seeds.length, `only ${purged} tombstones went`);
    assert.ok(withFloors > 50 * seeds.length, `only ${withFloors} reads were answered by floors`);
  });
});

/** Keys rest for longer than tombstones are kept, and are then touched again by everybody. */
async function run(seed: number) {
  const outdated: string[] = [];
  const cluster = await SimulatedCluster.start({
    mode: repairModes[seed % repairModes.length] ?? 'BOTH',
    seed,
    isDurable: true,
    tombstoneAgeMs: 1_000,
    onOutdated: (node) => outdated.push(node),
  });
  const { random, time, network } = cluster;
  network.delayMs = () => random.below(10);
  const histories = new Map<string, KeyHistory>();
  const endMs = time.nowMs + durationMs;
  let purged = 0;
  let withFloors = 0;
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => void time.at(time.nowMs + ms, resolve));
  const client = async (by: string) => {
    while (time.nowMs < endMs) {
      await sleep(random.below(120));
      if (!cluster.isUp(by)) continue;
      const group = Math.floor(time.nowMs / groupMs) % groups;
      const key = Uint8Array.of(7, group, random.below(keysPerGroup));
      const name = key.join('.');
      const history = histories.get(name) ?? { observed: [], uncertainMs: [] };
      histories.set(name, history);
      const kind = random.pick(['get', 'get', 'put', 'delete'] as const);
      const timeoutMs = random.pick([200, 1_000, 8_000]);
      const request = { key, level: 'QUORUM', timeoutMs, isExplained: false } as const;
      const { coordinator } = cluster.engine(by);
      const startMs = time.nowMs;
      const value = kind === 'put' ? textValue('x') : undefined;
      const call =
        kind === 'get' ? coordinator.get(request) : coordinator.write({ ...request, value });
      // A call of a node that is killed never ends.
      const lost = sleep(timeoutMs + 1_000);
      const result = await Promise.race([call.catch(() => undefined), lost]);
      if (result === undefined) {
        if (kind === 'delete') history.uncertainMs.push(startMs);
        continue;
      }
      const isRead = !('version' in result);
      const version = isRead ? result.record?.version : result.version;
      if (isRead && isFloorVersion(version)) withFloors++;
      const isPresent = isRead ? result.record?.value !== undefined : kind === 'put';
      const endedMs = time.nowMs;
      const what = isRead ? 'read' : 'write';
      history.observed.push({ startMs, endMs: endedMs, kind: what, version, by, isPresent });
    }
  };
  const disturbances = async () => {
    while (time.nowMs < endMs) {
      // Rounds need some quiet.
      await sleep(random.below(6_000));
      const victim = random.pick(cluster.names);
      const kind = random.below(6);
      if (!cluster.isUp(victim)) continue;
      if (kind === 0) {
        purged += cluster.engine(victim).reclaim.removed;
        cluster.kill(victim);
        await sleep(random.below(1_000));
        await cluster.boot(victim);
      } else if (kind === 1) {
        cluster.host(victim).pause();
        await sleep(random.below(2_000));
        cluster.host(victim).resume();
      } else if (kind === 2) {
        cluster.host(victim).skewMs = random.pick([-40_000, -300, 0, 300, 400]);
        await sleep(random.below(2_000));
        cluster.host(victim).skewMs = 0;
      } else {
        if (kind === 3) network.isolate(victim);
        else network.cut(random.pick(cluster.names), victim);
        await sleep(random.below(2_000));
        network.heal();
      }
    }
  };
  const lostDisks = async () => {
    await sleep(durationMs / 3);
    const victim = random.pick(holders.filter((node) => cluster.isUp(node)));
    cluster.kill(victim);
    cluster.wipe(victim);
    await cluster.boot(victim);
  };
  const clients = cluster.names.flatMap((node) => [client(node), client(node)]);
  const nemesis = seed % 3 === 0 ? [disturbances(), lostDisks()] : [disturbances()];
  await time.settle(Promise.all([...clients, ...nemesis]), 2 * durationMs);
  for (const node of cluster.names) purged += cluster.engine(node).reclaim.removed;
  const violations = [...histories].flatMap(([name, { observed, uncertainMs }]) =>
    [...backwardsIn(observed), ...hiddenIn(observed, uncertainMs)].map(
      (text) => `${name}: ${text}`,
    ),
  );
  return { violations, outdated, purged, withFloors };
}

/** A sentence for each read that a floor answered although nobody had deleted the value. */
function hiddenIn(observed: readonly Observed[], uncertainMs: readonly number[]): string[] {
  const byEnd = [...observed].sort((left, right) => left.endMs - right.endMs);
  const violations: string[] = [];
  for (const read of observed) {
    if (!isFloorVersion(read.version)) continue;
    const before = byEnd.filter(({ endMs }) => endMs < read.startMs);
    const newest = newestOf(before.filter(({ version }) => !isFloorVersion(version)));
    const bringing = observed.filter(({ startMs }) => startMs <= read.endMs);
    const deleted = bringing.some(
      ({ version, isPresent }) =>
        !isPresent && compareVersions(version, newest?.version) > 0 && !isFloorVersion(version),
    );
    const mayBeDeleted =
      deleted ||
      uncertainMs.some((ms) => newest && ms <= read.endMs && ms + 9_000 >= newest.startMs);
    if (newest?.isPresent && !mayBeDeleted) {
      violations.push(`absent at ${read.startMs}, written at ${newest.startMs} by ${newest.by}`);
    }
  }
  return violations;
}

function newestOf(observed: readonly Observed[]): Observed | undefined {
  let newest: Observed | undefined;
  const newer = (version: Version | undefined) => compareVersions(version, newest?.version) > 0;
  for (const one of observed) if (newer(one.version)) newest = one;
  return newest;
}
