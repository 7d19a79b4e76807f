/** One pipeline over a stream and a coordinator that do as they are told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Status } from '../../generated/google/rpc/status.ts';
import {
  type PipelineAnswer,
  PipelineRequest,
  PipelineResponse,
} from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import type { ReadRequest, ReadResult, WriteRequest } from '../../src/coordinator/request.ts';
import { pipelineBytesMax, pipelineCallsMax } from '../../src/rpc/limits.ts';
import { PipelineSession } from '../../src/rpc/pipeline-session.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { errorFromStatus } from '../../src/wire/error-status.ts';
import { SimulatedHost, SimulatedTime, settlePromises } from '../support/simulated-time.ts';

type Call = PipelineRequest['calls'][number];

const version = { clock: 1n << 16n, node: 'a' };
const absent: ReadResult = { record: undefined, expireTimeMs: undefined, explanation: undefined };

const get = (id: number, key = 7, timeoutMs = 0): Call => ({
  id,
  timeoutMs,
  request: {
    $case: 'get',
    value: { keyForm: { $case: 'key', value: key }, consistency: 0, explain: false },
  },
});

const put = (id: number, value: string): Call => ({
  id,
  timeoutMs: 0,
  request: {
    $case: 'put',
    value: {
      keyForm: { $case: 'textKey', value: 'k' },
      valueForm: { $case: 'value', value },
      consistency: 1,
      ttl: undefined,
      explain: false,
    },
  },
});

/** A pipeline; calls are answered when the test says so. */
class ToldPipeline {
  readonly time = new SimulatedTime();
  readonly messages: PipelineAnswer[][] = [];
  readonly log: string[] = [];
  readonly reads: {
    request: ReadRequest;
    resolve: (r: ReadResult) => void;
    reject: (e: unknown) => void;
  }[] = [];
  readonly writes: { request: WriteRequest; resolve: () => void; reject: (e: unknown) => void }[] =
    [];
  takesMore = true;
  readonly session: PipelineSession;

  constructor() {
    const coordinator = {
      get: (request: ReadRequest) =>
        new Promise<ReadResult>((resolve, reject) => {
          this.reads.push({ request, resolve, reject });
          request.onCancel?.(() => reject(new QuorateError('CANCELLED')));
        }),
      write: (request: WriteRequest) =>
        new Promise<{ version: typeof version; explanation: undefined }>((resolve, reject) => {
          const done = () => resolve({ version, explanation: undefined });
          this.writes.push({ request, resolve: done, reject });
        }),
    };
    this.session = new PipelineSession(
      { clock: new SimulatedHost(this.time), coordinator, logger: silentLogger },
      {
        write: (message) => {
          this.messages.push(PipelineResponse.decode(message).answers);
          return this.takesMore;
        },
        pause: () => this.log.push('pause'),
        resume: () => this.log.push('resume'),
        end: () => this.log.push('end'),
        fail: (error) => this.log.push(`fail ${error.code}`),
      },
    );
  }

  send(...calls: readonly Call[]): void {
    this.session.onMessage(Buffer.from(PipelineRequest.encode({ calls: [...calls] }).finish()));
  }

  /** The ids of each message so far. */
  get ids(): readonly (readonly number[])[] {
    return this.messages.map((answers) => answers.map(({ id }) => id));
  }

  error(id: number): QuorateError {
    const answer = this.messages
      .flat()
      .find((each) => each.id === id && each.answer?.$case === 'error');
    assert.ok(answer?.answer?.$case === 'error', `call ${id} has failed`);
    return errorFromStatus(Status.encode(answer.answer.value).finish(), true);
  }
}

describe('a pipeline', () => {
  it('answers in the order of the answers, those of a turn in one message', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(get(1), put(2, 'x'), get(3));
    pipeline.writes[0]?.resolve();
    pipeline.reads[1]?.resolve(absent);
    await pipeline.time.advance(0);
    assert.deepEqual(pipeline.ids, [[2, 3]]);
    pipeline.reads[0]?.resolve(absent);
    await pipeline.time.advance(0);
    assert.deepEqual(pipeline.ids, [[2, 3], [1]]);
    assert.equal(pipeline.messages[0]?.[0]?.answer?.$case, 'put');
  });

  it('gives each call its own time, less what the answer needs for its way', () => {
    const pipeline = new ToldPipeline();
    pipeline.send(get(1, 7, 0), get(2, 7, 1_000), get(3, 7, 4_000_000));
    const times = pipeline.reads.map(({ request }) => request.timeoutMs);
    assert.deepEqual(times, [1_950, 950, 30_000]);
  });

  it('answers a bad call alone, as a unary call is answered', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(get(1), get(2, 256), { id: 3, timeoutMs: 0, request: undefined });
    pipeline.reads[0]?.resolve(absent);
    await pipeline.time.advance(0);
    assert.deepEqual(pipeline.ids, [[2, 3, 1]]);
    const { code, details } = pipeline.error(2);
    assert.deepEqual([code, details['field']], ['INVALID_KEY', 'key']);
    assert.equal(pipeline.error(3).details['field'], 'request');
  });

  it('refuses a repeated id while the first has no answer, and not after', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(get(1), get(1));
    await pipeline.time.advance(0);
    assert.equal(pipeline.error(1).details['field'], 'id');
    assert.equal(pipeline.reads.length, 1);
    pipeline.reads[0]?.resolve(absent);
    await settlePromises();
    pipeline.send(get(1));
    assert.equal(pipeline.reads.length, 2);
    await pipeline.time.advance(0);
    assert.deepEqual(pipeline.ids, [[1], [1]]);
  });

  it('gives the error of the coordinator to the one call that it is of', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(put(1, 'x'), put(2, 'y'));
    const details = { required: 2, received: 1, mayHaveApplied: true };
    pipeline.writes[0]?.reject(new QuorateError('WRITE_TIMEOUT', details));
    pipeline.writes[1]?.resolve();
    await pipeline.time.advance(0);
    assert.deepEqual(pipeline.error(1).details, details);
    assert.deepEqual(pipeline.ids, [[1, 2]]);
  });

  it('ends after a half-close when all is answered', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(get(1));
    pipeline.session.onHalfClose();
    await pipeline.time.advance(10);
    assert.deepEqual(pipeline.log, []);
    pipeline.reads[0]?.resolve(absent);
    await pipeline.time.advance(0);
    assert.deepEqual([pipeline.ids, pipeline.log], [[[1]], ['end']]);
  });

  it('ends at once after a half-close when nothing is open', () => {
    const pipeline = new ToldPipeline();
    pipeline.session.onHalfClose();
    assert.deepEqual(pipeline.log, ['end']);
  });

  it('of a node that stops answers what it has taken, takes no more, and ends', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(put(1, 'x'));
    pipeline.session.stop();
    pipeline.send(put(2, 'y'));
    assert.equal(pipeline.writes.length, 1);
    pipeline.writes[0]?.resolve();
    await pipeline.time.advance(0);
    assert.deepEqual([pipeline.ids, pipeline.log], [[[1]], ['end']]);
  });

  it('stops reads whose caller is gone, and lets writes end', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(get(1), put(2, 'x'));
    let isCancelled = false;
    pipeline.reads[0]?.request.onCancel?.(() => {
      isCancelled = true;
    });
    pipeline.session.onClosed();
    assert.ok(isCancelled);
    pipeline.writes[0]?.resolve();
    await pipeline.time.advance(10);
    assert.deepEqual([pipeline.ids, pipeline.log], [[], []]);
  });

  it('that carries no message of its kind fails', () => {
    const pipeline = new ToldPipeline();
    pipeline.session.onMessage(Buffer.of(10, 200));
    assert.deepEqual(pipeline.log, ['fail INVALID_ARGUMENT']);
  });

  it('takes a bounded number of calls, and reads no further while it is full', async () => {
    const pipeline = new ToldPipeline();
    pipeline.send(get(1));
    // Small answers show that more of them fit.
    for (let id = 1; id < 200; id++) {
      pipeline.reads.at(-1)?.resolve(absent);
      await settlePromises();
      pipeline.send(get(id + 1));
    }
    const before = pipeline.reads.length;
    pipeline.send(...Array.from({ length: 3 * pipelineCallsMax }, (_, at) => get(1_000 + at)));
    const taken = pipeline.reads.length - before;
    assert.ok(taken > 0.9 * pipelineCallsMax && taken <= pipelineCallsMax, `took ${taken}`);
    assert.deepEqual(pipeline.log, ['pause']);
    for (const read of pipeline.reads) read.resolve(absent);
    await pipeline.time.advance(0);
    assert.ok(pipeline.reads.length > before + taken, 'room is used again');
    while (pipeline.log.length === 1) {
      for (const read of pipeline.reads) read.resolve(absent);
      await pipeline.time.advance(0);
    }
    assert.deepEqual(pipeline.log, ['pause', 'resume']);
  });

  it('keeps no more answers than its room for a client that does not read', async () => {
    const pipeline = new ToldPipeline();
    pipeline.takesMore = false;
    const value = { kind: 'bytes', bytes: Buffer.alloc(1024 * 1024) } as const;
    const large = { ...absent, record: { version, value } };
    pipeline.send(...Array.from({ length: 1_000 }, (_, id) => get(id)));
    for (let round = 0, known = 0; round < 50; round++) {
      for (; known < pipeline.reads.length; known++) pipeline.reads[known]?.resolve(large);
      await pipeline.time.advance(0);
    }
    const megabytes = pipelineBytesMax / (1024 * 1024);
    assert.ok(pipeline.reads.length <= 5 * megabytes, `read ${pipeline.reads.length} MiB`);
    // From now on the size of answers is known: no more than fits is begun at a time.
    const before = pipeline.reads.length;
    pipeline.session.onDrain();
    assert.ok(pipeline.reads.length - before <= megabytes + 1);
    assert.equal(pipeline.messages.length, 2, 'one message for each drain');
  });
});
