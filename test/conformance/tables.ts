import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { compareBytes, encodeText, formatHex } from '../../src/base/bytes.ts';
import type { Change, Entry, Tables } from '../../src/storage/tables.ts';
import { arbitraryKey } from '../record/samples.ts';

const all = { start: new Uint8Array(), limit: Number.MAX_SAFE_INTEGER, bytesMax: 2 ** 40 };

/** What all Tables promise. `open` gives empty ones each time; the suite closes them. */
export function tablesConformance(name: string, open: () => Tables): void {
  describe(`${name} as Tables`, () => {
    let tables: Tables;

    beforeEach(() => {
      tables = open();
    });

    afterEach(() => tables.close());

    it('shows a write in the turn in which it settles, and not before', async () => {
      const written = tables.write([data('a', 'one'), data('b', '')]);
      assert.equal(tables.get('data', encodeText('a')), undefined);
      assert.equal(tables.count('data'), 0);
      const seen = await written.then(() => [read(tables, 'a'), read(tables, 'b')]);
      assert.deepEqual(seen, ['one', '']);
      assert.equal(tables.state, 'open');
    });

    it('keeps the tables apart', async () => {
      await tables.write([data('a', 'one'), { ...data('a', 'two'), table: 'hints' }]);
      assert.equal(read(tables, 'a'), 'one');
      assert.deepEqual(tables.range('hints', all).map(plain), [['a', 'two']]);
      assert.deepEqual(tables.range('meta', all), []);
      assert.deepEqual([tables.count('data'), tables.count('damaged')], [1, 0]);
    });

    it('applies the changes of one turn in the order of their calls', async () => {
      const writes = [
        tables.write([data('a', 'one'), data('b', 'one')]),
        tables.write([data('a', 'two'), data('b', undefined)]),
        tables.write([data('c', 'one'), data('c', 'two')]),
      ];
      await Promise.all(writes);
      assert.deepEqual(tables.range('data', all).map(plain), [
        ['a', 'two'],
        ['c', 'two'],
      ]);
    });

    it('takes writes while others are under way', async () => {
      const writes: Promise<void>[] = [];
      for (let index = 0; index < 50; index++) {
        writes.push(tables.write([data('same', `${index}`), data(`key${index}`, 'x')]));
        if (index % 5 === 0) await Promise.race([writes[0], new Promise(setImmediate)]);
      }
      await Promise.all(writes);
      assert.equal(read(tables, 'same'), '49');
      assert.equal(tables.count('data'), 51);
    });

    it('removes what is not there without a word', async () => {
      await tables.write([data('none', undefined), data('a', 'one')]);
      await tables.write([data('a', undefined)]);
      assert.equal(tables.get('data', encodeText('a')), undefined);
      assert.equal(tables.count('data'), 0);
    });

    it('writes nothing where there is nothing to write', async () => {
      await tables.write([]);
      assert.equal(tables.count('data'), 0);
    });

    it('shows at once what is written at once', async () => {
      const later = tables.write([data('b', 'later')]);
      tables.writeNow([data('a', 'one'), data('c', undefined)]);
      assert.equal(read(tables, 'a'), 'one');
      await later;
      assert.equal(read(tables, 'b'), 'later');
    });

    it('gives what the caller may keep, whatever is read or written later', async () => {
      const bytes = Uint8Array.of(1, 2, 3);
      await tables.write([{ table: 'data', key: encodeText('a'), value: bytes }, data('b', 'two')]);
      bytes.fill(9);
      const kept = tables.get('data', encodeText('a'));
      const [entry] = tables.range('data', all);
      tables.get('data', encodeText('b'));
      await tables.write([data('a', 'other')]);
      assert.deepEqual([...(kept ?? [])], [1, 2, 3]);
      assert.deepEqual([...(entry?.value ?? [])], [1, 2, 3]);
      tables.get('data', encodeText('a'))?.fill(0);
      for (const { value } of tables.range('data', all)) value.fill(0);
      assert.deepEqual([read(tables, 'a'), read(tables, 'b')], ['other', 'two']);
    });

    it('lends what get would give', async () => {
      const large = new Uint8Array(300_000).fill(7);
      await tables.write([data('a', 'one'), { ...data('b', ''), value: large }]);
      for (const key of ['a', 'b', 'none'].map(encodeText)) {
        const lent = tables.view('data', key);
        assert.deepEqual(lent && formatHex(lent), hex(tables.get('data', key)));
      }
    });

    it('scans from a key on until the visitor has enough', async () => {
      await tables.write(['a', 'b', 'c', 'd'].map((key) => data(key, key)));
      const seen: Entry[] = [];
      tables.scan('data', encodeText('aa'), (entry) => seen.push(entry) < 2);
      assert.deepEqual(seen.map(plain), [
        ['b', 'b'],
        ['c', 'c'],
      ]);
      tables.scan('data', encodeText('x'), () => assert.fail('there is nothing'));
    });

    it('ends a slice by its count, or after the entry that passes its bytes', async () => {
      await tables.write(['a', 'b', 'c', 'd'].map((key) => data(key, 'x'.repeat(9))));
      const count = (limit: number, bytesMax: number) =>
        tables.range('data', { ...all, limit, bytesMax }).length;
      assert.deepEqual([count(0, 99), count(2, 99), count(9, 1), count(9, 10)], [0, 2, 1, 2]);
    });

    it('takes keys of 1,978 bytes and refuses what is longer or empty', async () => {
      const longest = new Uint8Array(1_978).fill(255);
      await tables.write([{ table: 'hints', key: longest, value: encodeText('x') }]);
      assert.equal(hex(tables.get('hints', longest)), '78');
      for (const key of [new Uint8Array(1_979), new Uint8Array()]) {
        assert.throws(() => tables.write([{ table: 'data', key, value: undefined }]), /1,978/);
        assert.throws(() => tables.writeNow([{ table: 'data', key, value: key }]), /1,978/);
      }
    });

    it('keeps all entries in byte order, as a sorted array does', async () => {
      const arbitraryChange = fc.tuple(
        arbitraryKey,
        fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
      );
      const slices = fc.tuple(fc.option(arbitraryKey), fc.integer({ min: 1, max: 10 }));
      const writes = fc.array(arbitraryChange, { maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(writes, slices, async (changes, [start, limit]) => {
          const found = tables.range('data', all);
          await tables.write(found.map(({ key }) => ({ table: 'data', key, value: undefined })));
          const model = new Map<string, Entry>();
          for (const [key, value] of changes) {
            if (value === undefined) model.delete(formatHex(key));
            else model.set(formatHex(key), { key, value });
          }
          await tables.write(changes.map(([key, value]) => ({ table: 'data', key, value })));
          const sorted = [...model.values()].sort((left, right) =>
            compareBytes(left.key, right.key),
          );
          assert.deepEqual(tables.range('data', all).map(hexEntry), sorted.map(hexEntry));
          const from = start ?? new Uint8Array();
          const expected = sorted.filter(({ key }) => compareBytes(key, from) >= 0).slice(0, limit);
          const slice = tables.range('data', { ...all, start: from, limit });
          assert.deepEqual(slice.map(hexEntry), expected.map(hexEntry));
        }),
        { numRuns: 50 },
      );
    });

    it('takes nothing after it was closed', async () => {
      const other = open();
      const written = other.write([data('a', 'one')]);
      await other.close();
      await written;
      await assert.rejects(other.write([data('b', 'two')]));
    });
  });
}

function data(key: string, value: string | undefined): Change {
  return {
    table: 'data',
    key: encodeText(key),
    value: value === undefined ? undefined : encodeText(value),
  };
}

function read(tables: Tables, key: string): string | undefined {
  const value = tables.get('data', encodeText(key));
  return value && Buffer.from(value).toString();
}

function plain({ key, value }: Entry) {
  return [Buffer.from(key).toString(), Buffer.from(value).toString()];
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && formatHex(bytes);
}

function hexEntry({ key, value }: Entry) {
  return [formatHex(key), formatHex(value)];
}
