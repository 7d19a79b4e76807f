import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import type { ServerUnaryCall, StatusObject } from '@grpc/grpc-js';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { type CallContext, unary } from '../../src/rpc/call-context.ts';
import { messageBytesMax } from '../../src/rpc/limits.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { errorFromWire, statusDetailsKey } from '../../src/wire/error-status.ts';
import { valueBytesMax } from '../../src/wire/value-form.ts';
import { SimulatedHost, SimulatedTime } from '../support/simulated-time.ts';

type Handle = (request: string, context: CallContext) => Promise<string> | string;
type Answer = { error: Partial<StatusObject> | null; response: string | null | undefined };

const transportClock = new SimulatedHost(new SimulatedTime());

/** Calls a handler as gRPC does. */
function call(handle: Handle, deadline: Date | number, request = 'request') {
  const emitter = new EventEmitter();
  const fields = { request, getDeadline: () => deadline };
  const fake = Object.assign(emitter, fields) as unknown as ServerUnaryCall<string, string>;
  const answer = new Promise<Answer>((resolve) => {
    const handler = unary({ transportClock, logger: silentLogger }, handle);
    handler(fake, (error, response) => resolve({ error, response }));
  });
  return { answer, emitter };
}

async function timeoutOf(deadline: Date | number): Promise<number> {
  let timeoutMs = -1;
  const handle: Handle = (_request, context) => {
    timeoutMs = context.timeoutMs;
    return '';
  };
  await call(handle, deadline).answer;
  return timeoutMs;
}

describe('a unary handler', () => {
  it('answers what it returns, at once or later', async () => {
    const echo: Handle = (request) => `${request}!`;
    const later: Handle = async (request) => `${request}!`;
    for (const handle of [echo, later]) {
      assert.deepEqual(await call(handle, Infinity).answer, { error: null, response: 'request!' });
    }
  });

  it('turns what it throws, at once or later, into a status with details', async () => {
    const error = new QuorateError('NOT_ENOUGH_REPLICAS', { required: 2, alive: 1 });
    const now: Handle = () => {
      throw error;
    };
    const later: Handle = async () => {
      throw error;
    };
    for (const handle of [now, later]) {
      const { error: status } = await call(handle, Infinity).answer;
      assert.equal(status?.code, 14);
      const [details] = status.metadata?.get(statusDetailsKey) ?? [];
      assert.ok(Buffer.isBuffer(details));
      assert.deepEqual(errorFromWire(14, '', details, true).details, error.details);
    }
  });

  it('turns anything else that it throws into INTERNAL', async () => {
    const handle: Handle = () => {
      throw new TypeError('no such thing');
    };
    assert.equal((await call(handle, Infinity).answer).error?.code, 13);
  });

  it('has 2 s if the caller names no deadline', async () => {
    assert.equal(await timeoutOf(Infinity), 2_000);
  });

  it('has 30 s at most', async () => {
    assert.equal(await timeoutOf(transportClock.realtimeMs() + 3_600_000), 30_000);
  });

  it('has a little less than the caller, so that the answer arrives in time', async () => {
    for (const [givenMs, leftMs] of [
      [10_000, 9_950],
      [1_000, 950],
      [400, 380],
      [100, 95],
      [20, 15],
    ] as const) {
      const atMs = transportClock.realtimeMs() + givenMs;
      assert.equal(await timeoutOf(atMs), leftMs, `of ${givenMs} ms`);
      assert.equal(await timeoutOf(new Date(atMs)), leftMs);
    }
  });

  it('has no time left after the deadline', async () => {
    assert.equal(await timeoutOf(transportClock.realtimeMs() - 1), 0);
    assert.equal(await timeoutOf(transportClock.realtimeMs() + 3), 0);
  });

  it('hears when its caller is gone', async () => {
    let cancels = 0;
    const handle: Handle = (_request, context) => {
      context.onCancel(() => cancels++);
      return '';
    };
    const { emitter, answer } = call(handle, Infinity);
    await answer;
    assert.equal(cancels, 0);
    emitter.emit('cancelled');
    assert.equal(cancels, 1);
  });
});

describe('the largest message', () => {
  it('has room for the largest value, and for JSON of it', () => {
    assert.ok(messageBytesMax > 2 * valueBytesMax);
  });
});
