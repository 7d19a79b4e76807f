import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Value as JsonValue } from '../../generated/google/protobuf/struct.ts';
import {
  plainFromWire,
  plainToWire,
  type ValueForm,
  valueBytesMax,
  valueFromWire,
  valueToWire,
} from '../../src/wire/value-form.ts';
import {
  durationToMs,
  durationToWire,
  timestampToMs,
  writeTimeToWire,
} from '../../src/wire/version-form.ts';
import { versionAt } from '../record/samples.ts';
import { comparable } from './frames.ts';

function refused(form: ValueForm | undefined, field: string): void {
  assert.throws(
    () => valueFromWire(form),
    (error: { code?: string; details?: unknown }) => {
      assert.equal(error.code, 'INVALID_VALUE');
      assert.deepEqual(error.details, { field, mayHaveApplied: false });
      return true;
    },
  );
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { deeper: value };
  return value;
}

describe('a value on the wire', () => {
  it('comes back as it was written, of its own kind', () => {
    const forms: fc.Arbitrary<ValueForm> = fc.oneof(
      fc.string({ unit: 'binary' }).map((value) => ({ $case: 'value' as const, value })),
      fc.uint8Array().map((bytes) => ({ $case: 'rawValue' as const, value: Buffer.from(bytes) })),
      fc
        .jsonValue({ noUnicodeString: false })
        .filter((value) => !JSON.stringify(value).includes('"__proto__"'))
        // JSON text has no negative zero.
        .map((value) => ({ $case: 'json' as const, value: JSON.parse(JSON.stringify(value)) })),
    );
    fc.assert(
      fc.property(forms, (form) => {
        assert.deepEqual(comparable(valueToWire(valueFromWire(form))), comparable(form));
        const plain = plainFromWire(form);
        assert.ok(plain);
        assert.deepEqual(comparable(plainToWire(plain)), comparable(form));
      }),
    );
  });

  it('may be empty, which is not the same as no value', () => {
    assert.equal(valueFromWire({ $case: 'value', value: '' }).bytes.length, 0);
    assert.deepEqual(valueToWire({ kind: 'text', bytes: new Uint8Array() }), {
      $case: 'value',
      value: '',
    });
    refused(undefined, 'value_form');
    assert.equal(plainFromWire(undefined), undefined);
  });

  it('may have 1 MiB and no byte more, JSON as JSON text', () => {
    const bytes = Buffer.alloc(valueBytesMax);
    assert.equal(valueFromWire({ $case: 'rawValue', value: bytes }).bytes.length, valueBytesMax);
    refused({ $case: 'rawValue', value: Buffer.alloc(valueBytesMax + 1) }, 'raw_value');
    refused({ $case: 'value', value: 'é'.repeat(valueBytesMax / 2 + 1) }, 'value');
    const text = 'x'.repeat(valueBytesMax - 2);
    assert.equal(valueFromWire({ $case: 'json', value: text }).bytes.length, valueBytesMax);
    refused({ $case: 'json', value: `${text}x` }, 'json');
  });

  it('may be as deep as the generated code can read', () => {
    let value: unknown = 1;
    for (let level = 0; level < 30; level++) value = { deeper: value };
    assert.ok(valueFromWire({ $case: 'json', value }));
    const encoded = JsonValue.encode(JsonValue.wrap(value)).finish();
    assert.deepEqual(JsonValue.unwrap(JsonValue.decode(encoded)), value);
  });

  it('is refused if it is not JSON: no numbers without end, no nesting without end', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, { a: [Number.NEGATIVE_INFINITY] }]) {
      refused({ $case: 'json', value }, 'json');
    }
    assert.ok(valueFromWire({ $case: 'json', value: nested(30) }));
    refused({ $case: 'json', value: nested(31) }, 'json');
    refused({ $case: 'json', value: nested(50_000) }, 'json');
  });
});

describe('times on the wire', () => {
  it('come back to the millisecond', () => {
    const timestamp = writeTimeToWire(versionAt(123));
    assert.deepEqual(timestamp, { seconds: 1_767_225_600n, nanos: 123_000_000 });
    assert.equal(timestampToMs(timestamp), 1_767_225_600_123);
    assert.equal(writeTimeToWire(undefined), undefined);
    assert.equal(durationToMs(durationToWire(61_234)), 61_234);
    assert.equal(durationToWire(undefined), undefined);
  });

  it('refuse a JSON member that the generated code would lose', () => {
    const json: unknown = JSON.parse('[{"a": {"__proto__": 1}}]');
    const refusal = { code: 'INVALID_VALUE', message: /__proto__/ };
    assert.throws(() => plainToWire({ kind: 'json', json }), refusal);
    assert.throws(() => valueFromWire({ $case: 'json', value: json }), refusal);
  });
});
