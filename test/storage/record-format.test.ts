import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encodeText, formatHex } from '../../src/base/bytes.ts';
import type { VersionedValue } from '../../src/record/versioned-value.ts';
import { checksum, recordChecksum } from '../../src/storage/checksum.ts';
import { decodeRecord, decodeVersion, encodeRecord } from '../../src/storage/record-format.ts';
import { arbitraryKey, arbitraryRecord, textRecord, versionAt } from '../record/samples.ts';

const key = encodeText('key');
const version = { clock: 0x0102_0304_0506_0708n, node: 'node1' };
const samples: Readonly<Record<string, VersionedValue>> = {
  'a text': { version, value: { kind: 'text', bytes: encodeText('hi') } },
  'an empty value': { version, value: { kind: 'bytes', bytes: new Uint8Array() } },
  'an expiring value': {
    version,
    value: { kind: 'json', bytes: encodeText('{}'), expireTimeMs: 1_767_225_600_123 },
  },
  'a tombstone': { version, value: undefined },
};

describe('the record format', () => {
  it('gives back every record, and its version alone', () => {
    fc.assert(
      fc.property(arbitraryKey, arbitraryRecord, (anyKey, record) => {
        const bytes = encodeRecord(anyKey, record);
        assert.deepEqual(plain(decodeRecord(anyKey, bytes)), plain(record));
        assert.deepEqual(decodeVersion(anyKey, bytes), record.version);
      }),
    );
  });

  it('stays what it is on disk', () => {
    const hex = Object.values(samples).map((record) => formatHex(encodeRecord(key, record)));
    assert.deepEqual(hex, [
      '9d6d53fe01010102030405060708056e6f6465316869',
      '58191d5f01020102030405060708056e6f646531',
      '4c9613a2010b0102030405060708056e6f6465310000019b76daa87b7b7d',
      '9704e75d01000102030405060708056e6f646531',
    ]);
  });

  it('has the sum that RFC 3720 gives for 32 zeros, wherever the key ends', () => {
    const zeros = new Uint8Array(32);
    assert.equal(checksum(zeros), 0x8a91_36aa);
    for (let end = 0; end <= 32; end++) {
      assert.equal(recordChecksum(zeros.subarray(0, end), zeros.subarray(end)), 0x8a91_36aa);
    }
  });

  it('has the same sum for records of all lengths', () => {
    const large = new Uint8Array(5_000).map((_, index) => index * 7);
    const sums = [0, 1, 903, 4_999].map((end) =>
      recordChecksum(large.subarray(0, end), large.subarray(end)),
    );
    assert.deepEqual(new Set(sums).size, 1);
    for (const end of [0, 1, 7, 300, 4_094, 4_095, 4_096, 5_000]) {
      const record = large.subarray(0, end);
      const whole = checksum(Buffer.concat([key, record]));
      assert.equal(recordChecksum(key, record), whole);
      assert.equal(recordChecksum(key, Buffer.concat([large, record]), large.length), whole);
    }
  });

  for (const [name, record] of Object.entries(samples)) {
    it(`finds each flipped bit of ${name}, in key, sum, header and value`, () => {
      const bytes = encodeRecord(key, record);
      for (const [part, at, bit] of [...bitsOf(bytes), ...bitsOf(key)]) {
        part[at] = (part[at] ?? 0) ^ bit;
        assert.equal(decodeRecord(key, bytes), undefined, `bit ${bit} of byte ${at}`);
        assert.equal(decodeVersion(key, bytes), undefined, `bit ${bit} of byte ${at}`);
        part[at] = (part[at] ?? 0) ^ bit;
      }
      assert.notEqual(decodeRecord(key, bytes), undefined);
    });

    it(`finds ${name} cut short or longer`, () => {
      const bytes = encodeRecord(key, record);
      for (let length = 0; length < bytes.length; length++) {
        assert.equal(decodeRecord(key, bytes.subarray(0, length)), undefined);
        assert.equal(decodeVersion(key, bytes.subarray(0, length)), undefined);
      }
      assert.equal(decodeVersion(key, Buffer.concat([bytes, Uint8Array.of(0)])), undefined);
    });
  }

  it('finds one to three flipped bits anywhere in any record', () => {
    const flips = fc.array(fc.nat(), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(arbitraryKey, arbitraryRecord, flips, (anyKey, record, places) => {
        const bytes = encodeRecord(anyKey, record);
        for (const place of new Set(places.map((any) => any % (bytes.length * 8)))) {
          bytes[place >> 3] = (bytes[place >> 3] ?? 0) ^ (1 << (place & 7));
        }
        assert.equal(decodeVersion(anyKey, bytes), undefined);
      }),
    );
  });

  it('takes no record for another key', () => {
    const bytes = encodeRecord(key, textRecord(versionAt(1)));
    assert.equal(decodeRecord(encodeText('kez'), bytes), undefined);
    assert.equal(decodeVersion(encodeText('ke'), bytes), undefined);
  });

  it('takes nothing of another shape, even with a right sum', () => {
    const changes: readonly (readonly [number, number])[] = [
      [4, 2],
      [5, 4],
      [5, 0],
      [5, 8],
      [5, 0x11],
      [5, 9],
      [14, 200],
    ];
    for (const [at, byte] of changes) {
      const bytes = Buffer.from(encodeRecord(key, textRecord(versionAt(1, 'abc'), 'x')));
      bytes[at] = byte;
      bytes.writeUInt32BE(recordChecksum(key, bytes.subarray(4)), 0);
      assert.equal(decodeVersion(key, bytes), undefined, `${byte} at ${at}`);
      assert.equal(decodeRecord(key, bytes), undefined, `${byte} at ${at}`);
    }
  });
});

function* bitsOf(part: Uint8Array): Generator<readonly [Uint8Array, number, number]> {
  for (let at = 0; at < part.length; at++) {
    for (let bit = 1; bit < 256; bit <<= 1) yield [part, at, bit];
  }
}

function plain(record: VersionedValue | undefined) {
  return (
    record && [
      record.version,
      record.value && [record.value.kind, formatHex(record.value.bytes), record.value.expireTimeMs],
    ]
  );
}
