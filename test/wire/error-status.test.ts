import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BadRequest, RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';
import { QuorateError, type QuorateErrorCode } from '../../src/base/quorate-error.ts';
import { errorFromWire, errorToWire } from '../../src/wire/error-status.ts';

/** The gRPC status of each code, by the contract. */
const statuses = {
  NOT_ENOUGH_REPLICAS: 14,
  NODE_NOT_READY: 14,
  READ_TIMEOUT: 4,
  WRITE_TIMEOUT: 4,
  REPLICA_FAILURE: 14,
  RECORD_DAMAGED: 15,
  OVERLOADED: 8,
  CLOCK_SKEW: 9,
  LEVEL_UNREACHABLE: 9,
  INVALID_KEY: 3,
  INVALID_VALUE: 3,
  INVALID_TTL: 3,
  INVALID_CONSISTENCY: 3,
  INVALID_ARGUMENT: 3,
  DISK_FULL: 8,
  UNORDERED_RING: 9,
  CONNECTION_FAILED: 14,
  NO_COORDINATOR: 14,
  CANCELLED: 1,
  UNIMPLEMENTED: 12,
  CONFIGURATION: 9,
  INTERNAL: 13,
} as const satisfies Record<QuorateErrorCode, number>;

const codes = Object.keys(statuses) as QuorateErrorCode[];

function unpack(encoded: Uint8Array, type: string): Buffer | undefined {
  const { details } = Status.decode(encoded);
  return details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${type}`)?.value;
}

/** What an overloaded node adds. */
const waitOf = (code: string) => (code === 'OVERLOADED' ? { retryDelayMs: 50 } : {});

describe('errors on the wire', () => {
  for (const code of codes) {
    it(`bring ${code} back with its numbers and its sentence`, () => {
      const details = { required: 2, received: 1, mayHaveApplied: true, replicas: 'a=up b=down' };
      const error = new QuorateError(code, details);
      const wire = errorToWire(error);
      assert.equal(wire.code, statuses[code]);
      const back = errorFromWire(wire.code, wire.message, wire.details, false);
      assert.equal(back.code, code);
      assert.deepEqual(back.details, { ...details, ...waitOf(code) });
      assert.equal(back.message, error.message);
    });
  }

  it('keep uncertainty as it was, whatever the call', () => {
    const details = fc.record({ mayHaveApplied: fc.boolean(), failed: fc.nat() });
    fc.assert(
      fc.property(fc.constantFrom(...codes), details, fc.boolean(), (code, given, isWrite) => {
        const wire = errorToWire(new QuorateError(code, { ...given }));
        const back = errorFromWire(wire.code, wire.message, wire.details, isWrite);
        assert.equal(back.mayHaveApplied, given.mayHaveApplied);
        assert.deepEqual(back.details, { ...given, ...waitOf(code) });
      }),
    );
  });

  it('say when to try again if the node is overloaded', () => {
    const packed = unpack(errorToWire(new QuorateError('OVERLOADED')).details, 'RetryInfo');
    assert.ok(packed);
    const { retryDelay } = RetryInfo.decode(packed);
    assert.equal(retryDelay?.seconds, 0n);
    assert.ok(retryDelay.nanos > 0);
    const other = errorToWire(new QuorateError('INTERNAL'));
    assert.equal(unpack(other.details, 'RetryInfo'), undefined);
  });

  it('name the wrong field of a request', () => {
    const error = new QuorateError('INVALID_KEY', { field: 'text_key' }, 'text_key is empty');
    const packed = unpack(errorToWire(error).details, 'BadRequest');
    assert.ok(packed);
    const { fieldViolations } = BadRequest.decode(packed);
    assert.equal(fieldViolations.length, 1);
    assert.equal(fieldViolations[0]?.field, 'text_key');
    assert.equal(fieldViolations[0]?.description, 'text_key is empty');
  });
});

describe('statuses of others', () => {
  for (const [status, isWrite, code, mayHaveApplied] of [
    [4, true, 'WRITE_TIMEOUT', true],
    [4, false, 'READ_TIMEOUT', false],
    [14, true, 'CONNECTION_FAILED', true],
    [14, false, 'CONNECTION_FAILED', false],
    [1, true, 'CANCELLED', true],
    [1, false, 'CANCELLED', false],
    [12, true, 'UNIMPLEMENTED', false],
    [3, true, 'INVALID_ARGUMENT', false],
    [8, true, 'INVALID_ARGUMENT', false],
    [2, true, 'INTERNAL', true],
    [13, true, 'INTERNAL', true],
    [2, false, 'INTERNAL', false],
  ] as const) {
    const applied = mayHaveApplied ? 'which may have applied' : 'which has not applied';
    it(`${status} of a ${isWrite ? 'write' : 'read'} is ${code}, ${applied}`, () => {
      const error = errorFromWire(status, 'from the transport', undefined, isWrite);
      assert.equal(error.code, code);
      assert.equal(error.mayHaveApplied, mayHaveApplied);
    });
  }

  it('count by their number if their details are not ours, or damaged', () => {
    const foreign = Status.encode({ code: 14, message: '', details: [] }).finish();
    const unknown = errorToWire(new QuorateError('INTERNAL')).details;
    const renamed = Buffer.from(
      unknown.toString('latin1').replace('INTERNAL', 'NOVELTY!'),
      'latin1',
    );
    const other = Buffer.from(
      unknown.toString('latin1').replace('quorate.v1', 'example.v1'),
      'latin1',
    );
    for (const details of [foreign, renamed, other, Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(0)]) {
      assert.equal(errorFromWire(14, '', details, true).code, 'CONNECTION_FAILED');
    }
    fc.assert(
      fc.property(fc.uint8Array(), (details) => {
        assert.equal(errorFromWire(14, '', details, true).code, 'CONNECTION_FAILED');
      }),
    );
  });

  it('keeps a name that looks like a number', () => {
    const error = new QuorateError('NODE_NOT_READY', { node: '007' });
    const { code, message, details } = errorToWire(error);
    assert.deepEqual(errorFromWire(code, message, details, false).details, { node: '007' });
  });
});
