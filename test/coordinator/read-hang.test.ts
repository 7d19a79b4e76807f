import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import type { ReplicaDirectory } from '../../src/coordinator/ports.ts';
import { ReadRepair } from '../../src/coordinator/read-repair.ts';
import { ClockMonitor } from '../../src/record/clock-monitor.ts';
import { HybridClock } from '../../src/record/hybrid-clock.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { SimulatedHost, SimulatedTime, settlePromises } from '../support/simulated-time.ts';

/** Node a is its own replica and answers at once, as in a real node; b and c are played here. */
describe('a QUORUM get at a replica', () => {
  it('does not spin when the holder of a newer version breaks after it gave the value', async () => {
    const time = new SimulatedTime();
    const host = new SimulatedHost(time);
    const start = { realtimeMs: host.realtimeMs(), monotonicMs: host.monotonicMs() };
    const [r1, r2, r3] = [1, 2, 3].map((n) => textRecord(versionAt(n), `v${n}`));
    assert.ok(r1 && r2 && r3);
    const asked: { node: string; request: ReplicaRequest; reply: (r: ReplicaReply) => void }[] = [];
    let ownReads = 0;
    const ok = (version = r2.version, record: typeof r2 | undefined = undefined): ReplicaReply => ({
      outcome: 'ok',
      version,
      record,
      clockMs: host.realtimeMs(),
    });
    const replicas: ReplicaDirectory = {
      servesReads: () => true,
      takesWrites: () => true,
      distanceMs: (node) => ['a', 'b', 'c'].indexOf(node),
      clientOf: (node) => ({
        hasRoom: () => true,
        send: (request, _deadlineMs, reply) => {
          if (node !== 'a') asked.push({ node, request, reply });
          else if (++ownReads > 100) throw new Error('the own replica was read 100 times');
          else reply(ok(r2.version, r2));
        },
      }),
    };
    const coordinator = new Coordinator(
      {
        clock: host,
        hybridClock: new HybridClock(),
        clockMonitor: new ClockMonitor(start, { otherNodes: 2 }),
        ring: new Ring({
          epoch: 1,
          partitioner: byteOrderedPartitioner,
          replicationFactor: 3,
          owners: evenOwners(['a', 'b', 'c']),
        }),
        replicas,
        hints: { keep: () => undefined },
        writeGuard: { cover: (_token, _clock, onCovered) => onCovered(true) },
        readRepair: new ReadRepair({ clock: host, replicas }),
      },
      { node: 'a', mode: 'BOTH' },
    );
    coordinator.accept(true);
    let text: string | undefined;
    void coordinator
      .get({ key: numberKey(0), level: 'QUORUM', timeoutMs: 1_000, isExplained: false })
      .then(({ record }) => {
        text = record?.value && new TextDecoder().decode(record.value.bytes);
      });
    const take = (node: string, operation: string) => {
      const index = asked.findIndex((a) => a.node === node && a.request.operation === operation);
      const [found] = asked.splice(index, 1);
      assert.ok(found, `${node} ${operation}`);
      return found.reply;
    };
    take('b', 'read-version')(ok(r1.version)); // b is behind: r2 is spread to b and to c, which is slow
    const spreadToB = take('b', 'spread');
    const spreadToC = take('c', 'spread');
    await time.advance(54); // b is slow to store it, so c is asked
    take('c', 'read-version')(ok(r3.version)); // c took a put of level ONE
    take('c', 'read-value')(ok(r3.version, r3)); // its value: 1 MiB, a frame of its own
    spreadToC({ outcome: 'unknown', reason: 'link-broken' }); // the link breaks before the next frame
    spreadToB(ok(r2.version));
    await settlePromises();
    assert.equal(text, 'v2');
  });
});
