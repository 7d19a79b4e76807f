import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Entry } from '../../generated/quorate/v1/cluster.ts';
import { encodeText } from '../../src/base/bytes.ts';
import { formatEntryLine, parseEntryLine } from '../../src/cli/entry-line.ts';
import { entryAnswer, importedEntry } from '../../src/client/answer-forms.ts';
import { expiringValue, type Value } from '../../src/record/versioned-value.ts';
import { byteOrderedPartitioner } from '../../src/ring/partitioner.ts';
import { evenOwners, Ring } from '../../src/ring/ring.ts';
import { entryFromWire, entryToWire } from '../../src/wire/entry-form.ts';
import { valueFromWire } from '../../src/wire/value-form.ts';
import { arbitraryKey, arbitraryVersion } from '../record/samples.ts';

const ring = new Ring({
  epoch: 1,
  partitioner: byteOrderedPartitioner,
  replicationFactor: 3,
  owners: evenOwners(['a', 'b', 'c']),
});

const texts = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\u2028', '\n', '\ufeffa', '\0', 'text:63', 'hex:00', '63', '"\\'),
);
const keys = fc.oneof(
  arbitraryKey,
  fc.integer({ min: 0, max: 255 }).map((key) => Uint8Array.of(key)),
  texts.filter((text) => text !== '').map(encodeText),
);
const values: fc.Arbitrary<Value> = fc
  .tuple(
    fc.oneof(
      texts.map((text) => valueFromWire({ $case: 'value', value: text })),
      fc.uint8Array().map((bytes) => ({ kind: 'bytes', bytes }) as const),
      fc
        .jsonValue({ maxDepth: 4 })
        .filter((json) => !JSON.stringify(json).includes('"__proto__"'))
        .map((json) => valueFromWire({ $case: 'json', value: json })),
    ),
    fc.option(fc.integer({ min: 1, max: 2 ** 48 }), { nil: undefined }),
  )
  .map(([value, expireTimeMs]) => expiringValue(value, expireTimeMs));

/** The whole way of a record: over the wire, to a line, and back. */
function afterTheWay(key: Uint8Array, record: Parameters<typeof entryToWire>[0]['record']) {
  const out = Entry.decode(Entry.encode(entryToWire({ key, record }, ring)).finish());
  const line = formatEntryLine(entryAnswer(out));
  assert.ok(!line.includes('\n'));
  const parsed = parseEntryLine(line);
  assert.ok(typeof parsed !== 'string', `${parsed}: ${line}`);
  return entryFromWire(Entry.decode(Entry.encode(importedEntry(parsed)).finish()));
}

describe('a line of an export', () => {
  it('brings back every key, version, value, time of expiry and tombstone as it was', () => {
    const records = fc.option(values, { nil: undefined });
    fc.assert(
      fc.property(keys, arbitraryVersion, records, (key, version, value) => {
        const { key: sameKey, record } = afterTheWay(key, { version, value });
        assert.deepEqual(Buffer.from(sameKey), Buffer.from(key));
        assert.deepEqual(record.version, version);
        assert.equal(record.value?.kind, value?.kind);
        assert.equal(record.value?.expireTimeMs, value?.expireTimeMs);
        assert.deepEqual(
          record.value && Buffer.from(record.value.bytes),
          value && Buffer.from(value.bytes),
        );
      }),
    );
  });

  const good = {
    key: 'a',
    tombstone: false,
    kind: 'text',
    value: 'v',
    version: '0000019b00000000-replica0',
  };
  const { value: _value, kind: _kind, ...bare } = good;
  const damaged: readonly (readonly [string, string, RegExp])[] = [
    ['cut short', JSON.stringify(good).slice(0, -3), /no JSON object/],
    ['no object', '7', /no JSON object/],
    ['an array', '[]', /names no key/],
    ['without a key', JSON.stringify({ ...good, key: '' }), /names no key/],
    ['with another key', JSON.stringify({ ...good, key: 'hex:0' }), /names no key/],
    ['without a version', JSON.stringify({ ...good, version: undefined }), /no version/],
    ['with a short version', JSON.stringify({ ...good, version: '9b-replica0' }), /no version/],
    ['without a value', JSON.stringify(bare), /neither a value nor a tombstone/],
    ['with both', JSON.stringify({ ...good, tombstone: true }), /a tombstone with a value/],
    ['of no kind', JSON.stringify({ ...good, kind: 'txt' }), /unknown kind txt/],
    ['with no text', JSON.stringify({ ...good, value: 7 }), /value is no text/],
    ['with wrong bytes', JSON.stringify({ ...good, kind: 'bytes', value: '*' }), /no base64/],
    ['with a wrong time', JSON.stringify({ ...good, expireTime: 'soon' }), /is no time/],
  ];
  for (const [what, line, why] of damaged) {
    it(`is damaged when it is ${what}`, () => {
      const found = parseEntryLine(line);
      assert.ok(typeof found === 'string', line);
      assert.match(found, why);
    });
  }

  it('is good otherwise', () => {
    assert.ok(typeof parseEntryLine(JSON.stringify(good)) !== 'string');
    assert.ok(typeof parseEntryLine(JSON.stringify({ ...bare, tombstone: true })) !== 'string');
  });
});
