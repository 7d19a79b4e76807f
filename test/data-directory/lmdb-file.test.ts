import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type LookResult, lookAtLmdbFile } from '../../src/data-directory/lmdb-file.ts';
import { SystemClock } from '../../src/runtime/system-clock.ts';
import { LmdbTables } from '../../src/storage/lmdb-tables.ts';
import { temporaryFolder } from '../support/processes.ts';

const pageBytes = 4096;
const everything = { leavesMax: 1_000_000, isOver: () => false };

describe('a look at an LMDB file', () => {
  const { path: folder, remove } = temporaryFolder();
  after(remove);
  const path = join(folder, 'bad.mdb');
  let good = Buffer.alloc(0);

  before(async () => {
    const tables = new LmdbTables({ clock: new SystemClock() }, join(folder, 'data.mdb'));
    // Several rounds, so that there are free pages, branches and values on pages of their own.
    for (const round of [1, 2, 3]) {
      const changes = Array.from({ length: 2_000 }, (_, index) => ({
        table: index % 10 === 0 ? ('hints' as const) : ('data' as const),
        key: Buffer.from(`key ${(index * 7919) % 2_003}`),
        value: Buffer.alloc(index % 50 === 0 ? 9_000 : 100, round),
      }));
      await tables.write(changes);
    }
    await tables.close();
    good = readFileSync(join(folder, 'data.mdb'));
  });

  function look(bytes: Uint8Array, limits = everything): LookResult {
    writeFileSync(path, bytes);
    return lookAtLmdbFile(path, limits);
  }

  /** A look at the good file, which lies there, with some bytes replaced for the moment. */
  function lookPatched(at: number, bytes: Uint8Array): LookResult {
    const descriptor = openSync(path, 'r+');
    try {
      writeSync(descriptor, bytes, 0, bytes.length, at);
      return lookAtLmdbFile(path, everything);
    } finally {
      writeSync(descriptor, good, at, bytes.length, at);
      closeSync(descriptor);
    }
  }

  /** The file with a change. */
  function changed(change: (bytes: Buffer) => void): Buffer {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  }

  it('finds nothing wrong with a sound one, and reads its pages once', () => {
    const { fault, pagesRead } = look(good);
    assert.equal(fault, undefined);
    assert.ok(pagesRead > 40 && pagesRead < good.length / pageBytes, `${pagesRead} pages`);
  });

  it('finds nothing wrong with a write that stopped halfway behind the last page', () => {
    assert.equal(look(Buffer.concat([good, Buffer.alloc(3 * pageBytes + 17)])).fault, undefined);
  });

  it('reads only so many leaves, and ends when it is told to', () => {
    assert.ok(look(good, { ...everything, leavesMax: 4 }).pagesRead < 30);
    const { fault } = look(good, { leavesMax: 1_000_000, isOver: () => true });
    assert.equal(fault, undefined);
  });

  it('says how a file was cut short, wherever that was', () => {
    for (const bytes of [0, 1, 159, pageBytes, pageBytes + 100, 2 * pageBytes, 30_000]) {
      assert.match(look(good.subarray(0, bytes)).fault ?? '', /^was cut short/, `${bytes} bytes`);
    }
    const half = look(good.subarray(0, good.length / 2)).fault;
    assert.match(half ?? '', /^was cut short: it needs page \d+ and has \d+ pages$/);
  });

  it('knows what is no database, and formats of other versions', () => {
    const text = Buffer.alloc(good.length, 'some text ');
    assert.match(look(text).fault ?? '', /^is no database of Quorate/);
    assert.match(look(Buffer.alloc(good.length)).fault ?? '', /its head is all zeros/);
    const zeroed = changed((bytes) => bytes.fill(0, pageBytes, 2 * pageBytes));
    assert.match(look(zeroed).fault ?? '', /its head is all zeros/);
    const newer = changed((bytes) => bytes.writeUInt32LE(3, 28));
    assert.match(look(newer).fault ?? '', /has a format, 3,/);
    const odd = changed((bytes) => bytes.writeUInt32LE(4_000, 48));
    assert.match(look(odd).fault ?? '', /pages of 4000 bytes/);
  });

  it('finds every page that it needs replaced by zeros, by garbage and by another page', () => {
    const { pagesRead } = look(good);
    const zeros = Buffer.alloc(pageBytes);
    const needed = Array.from({ length: good.length / pageBytes - 2 }, (_, index) => index + 2)
      .map((number) => number * pageBytes)
      .filter((at) => lookPatched(at, zeros).fault !== undefined);
    assert.equal(needed.length, pagesRead, 'all pages that a look at a sound file reads');
    for (const at of needed) {
      const garbage = Buffer.alloc(pageBytes, 0xab);
      assert.match(lookPatched(at, garbage).fault ?? '', /^is damaged at page/);
      const other = at === 2 * pageBytes ? 3 * pageBytes : 2 * pageBytes;
      const moved = good.subarray(other, other + pageBytes);
      assert.match(lookPatched(at, moved).fault ?? '', /bears another number|all zeros/);
    }
  });

  it('ends with a sentence or with nothing, but never throws, for any byte of a page', () => {
    look(good);
    const root = Number(good.readBigUInt64LE(136)) * pageBytes;
    for (const start of [0, pageBytes, root]) {
      for (let at = start; at < start + 160; at++) {
        for (const value of [0x00, 0xff]) {
          const { fault } = lookPatched(at, Uint8Array.of(value));
          assert.ok(fault === undefined || fault.length > 10);
        }
      }
    }
  });

  it('ends when a tree leads back into itself', () => {
    const head = good.readBigUInt64LE(152) > good.readBigUInt64LE(pageBytes + 152) ? 0 : pageBytes;
    const root = Number(good.readBigUInt64LE(head + 136)) * pageBytes;
    const leaf = good.subarray(root, root + pageBytes);
    assert.equal(leaf.readUInt16LE(18), 0x02);
    // The table of tables as a branch of 50 levels that has itself for its only child.
    const loop = changed((bytes) => {
      bytes.writeUInt16LE(40, head + 96 + 6);
      bytes.writeUInt16LE(0x01, root + 18);
      for (let entry = 0; entry < leaf.readUInt16LE(20); entry += 2) {
        const node = root + 24 + leaf.readUInt16LE(24 + entry);
        bytes.writeUInt32LE(root / pageBytes, node);
        bytes.writeUInt16LE(0, node + 4);
      }
    });
    assert.match(look(loop).fault ?? '', /more pages than the file/);
  });
});
