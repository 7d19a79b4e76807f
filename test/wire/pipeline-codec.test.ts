/** The short ways of the pipeline's codec against the generated code, which is the contract. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import {
  DeleteRequest,
  GetRequest,
  PipelineRequest,
  PipelineResponse,
  PutRequest,
} from '../../generated/quorate/v1/key_value.ts';
import { QuorateError } from '../../src/base/quorate-error.ts';
import { consistencyLevels } from '../../src/consistency/consistency-level.ts';
import { errorToWire } from '../../src/wire/error-status.ts';
import type { KeyForm } from '../../src/wire/key-form.ts';
import { levelToWire } from '../../src/wire/level-form.ts';
import {
  encodeAnswers,
  type PipelineAnswer,
  PipelineAnswerReader,
} from '../../src/wire/pipeline-answer-codec.ts';
import {
  outgoingValue,
  PipelineCallReader,
  writeCall,
} from '../../src/wire/pipeline-call-codec.ts';
import {
  deleteFromWire,
  getFromWire,
  putFromWire,
  readResultToWire,
  writeResultToWire,
} from '../../src/wire/request-form.ts';
import { strictReader } from '../../src/wire/strict-text.ts';
import type { ValueForm } from '../../src/wire/value-form.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const buffer = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const keyForm: fc.Arbitrary<KeyForm | undefined> = fc.oneof(
  fc.record({ $case: fc.constant('key' as const), value: fc.nat(300) }),
  fc.record({ $case: fc.constant('textKey' as const), value: text }),
  fc.record({ $case: fc.constant('rawKey' as const), value: buffer }),
  fc.constant(undefined),
);
const valueForm: fc.Arbitrary<ValueForm | undefined> = fc.oneof(
  fc.record({ $case: fc.constant('value' as const), value: text }),
  fc.record({ $case: fc.constant('rawValue' as const), value: buffer }),
  fc.record({ $case: fc.constant('json' as const), value: fc.constantFrom(null, 1, [{ a: 'b' }]) }),
  fc.constant(undefined),
);
const consistency = fc.nat(7) as fc.Arbitrary<0 | 1 | 2 | 3 | 4 | 5>;
const explain = fc.boolean();
const ttl = fc.option(fc.record({ seconds: fc.bigInt(-1n, 9n), nanos: fc.nat(2_000) }), {
  nil: undefined,
});
const body = fc.oneof(
  fc
    .record({ keyForm, consistency, explain })
    .map((get) => ({ kind: 'get' as const, encoded: GetRequest.encode(get).finish() })),
  fc
    .record({ keyForm, valueForm, consistency, explain, ttl })
    .map((put) => ({ kind: 'put' as const, encoded: PutRequest.encode(put).finish() })),
  fc
    .record({ keyForm, consistency, explain })
    .map((gone) => ({ kind: 'delete' as const, encoded: DeleteRequest.encode(gone).finish() })),
  fc.record({ kind: fc.constantFrom('get', 'put', 'delete'), encoded: fc.uint8Array() }),
);

/** What a unary call of these bytes asks for or is refused with. */
function unary(kind: 'get' | 'put' | 'delete', encoded: Uint8Array): unknown {
  return outcome(() => {
    const reader = () => strictReader(Buffer.from(encoded));
    const decoded = <Message>(decode: () => Message): Message => {
      try {
        return decode();
      } catch (error: unknown) {
        const { message } = error as Error;
        throw new QuorateError('INVALID_ARGUMENT', { mayHaveApplied: false, reason: message });
      }
    };
    if (kind === 'get') return getFromWire(decoded(() => GetRequest.decode(reader())));
    if (kind === 'put') return putFromWire(decoded(() => PutRequest.decode(reader())));
    return deleteFromWire(decoded(() => DeleteRequest.decode(reader())));
  });
}

function outcome(act: () => unknown): unknown {
  try {
    return JSON.stringify(plain(act()));
  } catch (error: unknown) {
    const { code, message, details } = QuorateError.from(error);
    return { code, message, details };
  }
}

/** Bytes in one form: some are of a Buffer, some of a plain array. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

const kindFields = { get: 2, put: 3, delete: 4 } as const;

describe('the calls of a pipeline', () => {
  it('ask for what their unary siblings ask for, or are refused as those are', () => {
    const call = fc.record({ id: fc.nat(), timeoutMs: fc.nat(40_000), body });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 5 }), (calls) => {
        const writer = new BinaryWriter();
        for (const {
          id,
          timeoutMs,
          body: { kind, encoded },
        } of calls) {
          writer.uint32(10).fork();
          writer.uint32(8).uint32(id);
          writer.uint32((kindFields[kind] << 3) | 2).bytes(encoded);
          writer.uint32(40).uint32(timeoutMs);
          writer.join();
        }
        const reader = new PipelineCallReader(Buffer.from(writer.finish()));
        for (const {
          id,
          timeoutMs,
          body: { kind, encoded },
        } of calls) {
          const read = reader.next();
          assert.deepEqual([read?.id, read?.timeoutMs], [id, timeoutMs]);
          assert.deepEqual(
            outcome(() => read?.request()),
            unary(kind, encoded),
          );
        }
        assert.equal(reader.next(), undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are written as the generated code reads them', () => {
    const call = fc.record({
      kind: fc.constantFrom('get' as const, 'put' as const, 'delete' as const),
      key: fc.oneof(fc.nat(255), text, buffer),
      plain: fc.oneof(
        text.map((value) => ({ kind: 'text' as const, text: value })),
        buffer.map((bytes) => ({ kind: 'bytes' as const, bytes })),
        fc.constantFrom(null, 1, [{ a: 'b' }]).map((json) => ({ kind: 'json' as const, json })),
      ),
      ttlMs: fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
      level: fc.constantFrom(...consistencyLevels),
      isExplained: fc.boolean(),
    });
    fc.assert(
      fc.property(call, fc.nat(), fc.nat(30_000), (made, id, timeoutMs) => {
        const isPut = made.kind === 'put';
        const writer = new BinaryWriter();
        const value = isPut ? outgoingValue(made.plain) : undefined;
        writeCall(writer, id, { ...made, value, ttlMs: isPut ? made.ttlMs : undefined }, timeoutMs);
        const [read] = PipelineRequest.decode(writer.finish()).calls;
        assert.deepEqual([read?.id, read?.timeoutMs], [id, timeoutMs]);
        assert.equal(read?.request?.$case, made.kind);
        const { key, level, isExplained, ttlMs, plain: wanted } = made;
        const got = read.request.value;
        assert.deepEqual(got.keyForm?.value, key);
        assert.equal(got.consistency, levelToWire(level));
        assert.equal(got.explain, isExplained);
        if (!('valueForm' in got)) return;
        const { kind, ...inner } = wanted;
        assert.deepEqual(got.valueForm?.value, Object.values(inner)[0], kind);
        const ms = got.ttl && Number(got.ttl.seconds) * 1_000 + got.ttl.nanos / 1_000_000;
        assert.equal(ms, ttlMs);
      }),
    );
  });

  it('that end outside their message are no message', () => {
    const bytes = Buffer.from(
      PipelineRequest.encode({
        calls: [
          {
            id: 1,
            timeoutMs: 5,
            request: {
              $case: 'get',
              value: { keyForm: { $case: 'key', value: 200 }, consistency: 4, explain: false },
            },
          },
        ],
      }).finish(),
    );
    for (let length = 1; length < bytes.length; length++) {
      assert.throws(() => new PipelineCallReader(bytes.subarray(0, length)).next());
    }
    bytes[5] = 0x7f;
    assert.throws(() => new PipelineCallReader(bytes).next());
  });

  it('hold values that a node would take, and no others', () => {
    assert.throws(() => outgoingValue({ kind: 'text', text: 'é'.repeat(524_289) }), {
      code: 'INVALID_VALUE',
    });
    assert.throws(() => outgoingValue({ kind: 'json', json: 'a'.repeat(1_048_575) }), {
      code: 'INVALID_VALUE',
    });
    assert.throws(() => outgoingValue({ kind: 'bytes', bytes: new Uint8Array(1_048_577) }), {
      code: 'INVALID_VALUE',
    });
    assert.throws(() => outgoingValue({ kind: 'json', json: Array(500_000).fill(1) }), {
      code: 'INVALID_VALUE',
      message: /store it as text/,
    });
    outgoingValue({ kind: 'text', text: 'é'.repeat(524_288) });
  });
});

describe('the answers of a pipeline', () => {
  const version = fc.record({
    clock: fc.bigInt(0n, (1n << 64n) - 1n),
    node: fc.constantFrom('a', 'replica0'),
  });
  const value = fc.option(
    fc.oneof(
      fc.record({
        kind: fc.constant('text' as const),
        bytes: text.map((part) => Buffer.from(part)),
      }),
      fc.record({ kind: fc.constant('bytes' as const), bytes: buffer }),
      fc.constant({ kind: 'json' as const, bytes: Buffer.from('{"a":[1]}') }),
    ),
    { nil: undefined },
  );
  const read = fc.record({
    record: fc.option(fc.record({ version, value }), { nil: undefined }),
    expireTimeMs: fc.option(fc.nat(), { nil: undefined }),
    explanation: fc.constant(undefined),
  });
  const written = fc.record({ version, explanation: fc.constant(undefined) });
  const error = fc.constantFrom(
    new QuorateError('OVERLOADED', { inFlight: 3, mayHaveApplied: false }),
    new QuorateError('INVALID_KEY', { field: 'key', mayHaveApplied: false }, 'a message'),
  );
  const id = fc.nat();
  const answer: fc.Arbitrary<PipelineAnswer> = fc.oneof(
    fc.record({ id, kind: fc.constant('get' as const), result: read }),
    fc.record({ id, kind: fc.constantFrom('put' as const, 'delete' as const), result: written }),
    fc.record({ id, kind: fc.constant('error' as const), error }),
  );

  it('are what the generated code writes', () => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 5 }), (answers) => {
        const decoded = PipelineResponse.decode(encodeAnswers(answers)).answers;
        const reader = new PipelineAnswerReader(encodeAnswers(answers));
        assert.equal(decoded.length, answers.length);
        for (const [index, given] of answers.entries()) {
          const got = decoded[index];
          assert.equal(got?.id, given.id);
          assert.ok(reader.next());
          assert.equal(reader.id, given.id);
          if (given.kind === 'error') {
            assert.equal(got.answer?.$case, 'error');
            const { code, message } = errorToWire(given.error);
            assert.deepEqual([got.answer.value.code, got.answer.value.message], [code, message]);
            const read = reader.error(true);
            assert.deepEqual([read.code, read.message], [given.error.code, message]);
          } else if (given.kind === 'get') {
            const wanted = readResultToWire(given.result);
            assert.deepEqual(got.answer, { $case: 'get', value: wanted });
            assert.equal(reader.kind, 'read');
            assert.deepEqual(reader.read(), wanted);
            const seen = reader.value();
            assert.deepEqual(seen && Object.values(seen)[1], wanted.valueForm?.value);
          } else {
            const wanted = writeResultToWire(given.result);
            assert.deepEqual(got.answer, { $case: given.kind, value: wanted });
            assert.equal(reader.kind, 'written');
            assert.deepEqual(reader.written(), wanted);
          }
        }
        assert.equal(reader.next(), false);
      }),
      { numRuns: 1_000 },
    );
  });
});
