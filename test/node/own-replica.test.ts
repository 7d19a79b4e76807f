import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OwnReplica } from '../../src/node/own-replica.ts';
import type { ReplicaReply, ReplicaRequest } from '../../src/record/replica-messages.ts';
import { numberKey, textRecord, versionAt } from '../record/samples.ts';
import { settlePromises } from '../support/simulated-time.ts';

const store = (clock: number): ReplicaRequest => ({
  operation: 'store',
  key: numberKey(clock),
  record: textRecord(versionAt(clock)),
});
const query: ReplicaRequest = { operation: 'query-version', key: numberKey(1) };

describe('the own replica', () => {
  it('is handed the stores of one turn together, and tells each what became of it', async () => {
    const handled: (readonly ReplicaRequest[])[] = [];
    const replies: (readonly [number, ReplicaReply])[] = [];
    const own = new OwnReplica({
      standing: { servesReads: true, takesWrites: true },
      handle: (requests, respond) => {
        handled.push(requests);
        for (const [index, request] of requests.entries()) {
          const version = 'record' in request ? request.record.version : undefined;
          respond(index, { outcome: 'ok', version, record: undefined, clockMs: 0 });
        }
      },
    });
    for (const clock of [1, 2]) {
      own.send(store(clock), 0, (reply) => replies.push([clock, reply]));
    }
    assert.deepEqual(handled, []);
    own.send(query, 0, (reply) => replies.push([0, reply]));
    assert.deepEqual(handled, [[query]]);
    await settlePromises();
    own.send(store(3), 0, (reply) => replies.push([3, reply]));
    await settlePromises();
    assert.deepEqual(handled, [[query], [store(1), store(2)], [store(3)]]);
    const versions = replies.map(([clock, reply]) => [
      clock,
      reply.outcome === 'ok' ? reply.version : reply,
    ]);
    assert.deepEqual(versions, [
      [0, undefined],
      [1, versionAt(1)],
      [2, versionAt(2)],
      [3, versionAt(3)],
    ]);
  });
});
