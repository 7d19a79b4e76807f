import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * A look at the structure of an LMDB file without LMDB, which ends the whole process when it meets
 * a page that is not there or not what it should be: reads the two heads of the file, takes the
 * newer one as LMDB does, and follows the trees from it: that of free pages, that of the named
 * tables, and each of these. Every page has to lie within the file, bear its own number and its
 * kind, and keep its entries inside itself. Records are not judged: their checksums do that when
 * they are read.
 *
 * A file that grew beyond its last page, or that ends in a part of a page, is sound: a write that
 * failed leaves it like that. So is one that ends before its last page, if the trees need nothing
 * of what is missing.
 *
 * The branches are few and all followed, so that each leaf is known to lie within the file. Of the
 * leaves, which are many, a bounded number is read, spread evenly over each tree. Where even that
 * takes too long, the rest is left to the reader of the records.
 *
 * The layout is that of mdb.c of lmdb 3.5 (data version 2): 24 bytes of page head, then the
 * offsets of the entries, counted from the end of that head; all numbers little-endian.
 */

/** What a look at a file may cost. */
export interface LookLimits {
  /** Leaves read for each tree, at most. */
  readonly leavesMax: number;
  /** Whether to leave alone what was not read yet. */
  readonly isOver: () => boolean;
}

/** What a look found. */
export interface LookResult {
  /** What is wrong, as the end of a sentence about the file; `undefined` if nothing is. */
  readonly fault: string | undefined;
  readonly pagesRead: number;
}

const pageHeadBytes = 24;
const entryHeadBytes = 8;
const magic = 0xbeefc0de;
const dataVersion = 2;
const kindBranch = 0x01;
const kindLeaf = 0x02;
const kindMeta = 0x08;
const flagBigValue = 0x01;
const flagTable = 0x02;
/** A tree of fewer than 2^48 pages with two entries a branch, far beyond what can be. */
const depthMax = 48;
const noPage = 0xffff_ffff_ffff_ffffn;

/** Looks at a file. @throws the error of the system if it cannot be read. */
export function lookAtLmdbFile(path: string, limits: LookLimits): LookResult {
  const descriptor = openSync(path, 'r');
  const look = new Look(descriptor, limits);
  try {
    look.followAll();
    return { fault: undefined, pagesRead: look.pagesRead };
  } catch (error: unknown) {
    if (!(error instanceof Fault)) throw error;
    return { fault: error.message, pagesRead: look.pagesRead };
  } finally {
    closeSync(descriptor);
  }
}

class Fault extends Error {}

/** The root of a tree, with the number of its levels. */
interface Tree {
  readonly depth: number;
  readonly root: bigint;
}

class Look {
  readonly #descriptor: number;
  readonly #limits: LookLimits;
  readonly #fileBytes: number;
  #pageBytes = 4096;
  #page = Buffer.alloc(0);
  pagesRead = 0;

  constructor(descriptor: number, limits: LookLimits) {
    this.#descriptor = descriptor;
    this.#limits = limits;
    this.#fileBytes = fstatSync(descriptor).size;
  }

  followAll(): void {
    const [free, main] = this.#readHeads();
    for (const table of this.#follow(main)) this.#follow(table);
    this.#follow(free);
  }

  /** The trees of free pages and of named tables, from the newer head. */
  #readHeads(): readonly [Tree, Tree] {
    const first = this.#readHead(0);
    this.#pageBytes = first.readUInt32LE(48);
    const isPower = (this.#pageBytes & (this.#pageBytes - 1)) === 0;
    if (this.#pageBytes < 512 || this.#pageBytes > 65_536 || !isPower) {
      throw new Fault(`is damaged: it claims pages of ${this.#pageBytes} bytes`);
    }
    const second = this.#readHead(this.#pageBytes);
    if (second.readUInt32LE(48) !== this.#pageBytes) {
      throw new Fault('is damaged: its two heads contradict each other');
    }
    this.#page = Buffer.alloc(this.#pageBytes);
    const head = second.readBigUInt64LE(152) > first.readBigUInt64LE(152) ? second : first;
    return [treeAt(head, 48), treeAt(head, 96)];
  }

  #readHead(position: number): Buffer {
    const head = Buffer.alloc(160);
    if (readSync(this.#descriptor, head, 0, head.length, position) !== head.length) {
      throw new Fault(`was cut short: it has ${this.#fileBytes} bytes and no complete head`);
    }
    if (head.every((byte) => byte === 0)) throw new Fault('is damaged: its head is all zeros');
    if (head.readUInt32LE(24) !== magic || (head.readUInt16LE(18) & kindMeta) === 0) {
      throw new Fault('is no database of Quorate, or its head is damaged');
    }
    const version = head.readUInt32LE(28) & 0xffff;
    if (version !== dataVersion)
      throw new Fault(`has a format, ${version}, that is not known here`);
    return head;
  }

  /** Follows one tree level by level. @returns the trees of the tables that its leaves name. */
  #follow({ depth, root }: Tree): readonly Tree[] {
    if (root === noPage) return [];
    if (depth < 1 || depth > depthMax) throw new Fault(`is damaged: a tree of ${depth} levels`);
    let level: readonly number[] = [this.#locate(root)];
    for (let levels = depth; levels > 1; levels--) {
      const next: number[] = [];
      for (const number of level) {
        if (this.#isOver()) return [];
        this.#readBranch(number, next);
        if (next.length * this.#pageBytes > this.#fileBytes) {
          throw new Fault('is damaged: a tree has more pages than the file');
        }
      }
      level = next;
    }
    return this.#readLeaves(level);
  }

  #readLeaves(leaves: readonly number[]): readonly Tree[] {
    const tables: Tree[] = [];
    const step = Math.max(1, leaves.length / this.#limits.leavesMax);
    for (let position = 0; position < leaves.length && !this.#isOver(); position += step) {
      const number = leaves[Math.floor(position)];
      if (number !== undefined) this.#readLeaf(number, tables);
    }
    return tables;
  }

  /** Asks now and then only: a clock costs as much as a page that is in memory. */
  #isOver(): boolean {
    return this.pagesRead % 64 === 63 && this.#limits.isOver();
  }

  #readBranch(number: number, children: number[]): void {
    const page = this.#readPage(number, kindBranch);
    for (const node of this.#nodesOf(number, page)) {
      const low = page.readUInt32LE(node);
      children.push(this.#locate(BigInt(low) + (BigInt(page.readUInt16LE(node + 4)) << 32n)));
    }
  }

  #readLeaf(number: number, tables: Tree[]): void {
    const page = this.#readPage(number, kindLeaf);
    for (const node of this.#nodesOf(number, page)) {
      const flags = page.readUInt16LE(node + 4);
      const value = node + 8 + page.readUInt16LE(node + 6);
      const valueBytes = page.readUInt32LE(node);
      const isBig = (flags & flagBigValue) !== 0;
      const inside = isBig ? 24 : valueBytes;
      if (value + inside > page.length) throw damagedPage(number, 'an entry leaves it');
      if (isBig) this.#locateRun(page.readBigUInt64LE(value), page.readBigUInt64LE(value + 16));
      if ((flags & flagTable) !== 0 && valueBytes >= 48) tables.push(treeAt(page, value));
    }
  }

  /** Where the entries of a page begin. */
  #nodesOf(number: number, page: Buffer): readonly number[] {
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    if (lower > upper || pageHeadBytes + upper > page.length || lower % 2 !== 0) {
      throw damagedPage(number, 'its entries overlap');
    }
    return Array.from({ length: lower / 2 }, (_, index) => {
      const node = pageHeadBytes + page.readUInt16LE(pageHeadBytes + 2 * index);
      if (node < pageHeadBytes + upper || node + entryHeadBytes > page.length) {
        throw damagedPage(number, 'an entry lies outside of it');
      }
      const keyEnd = node + entryHeadBytes + page.readUInt16LE(node + 6);
      if (keyEnd > page.length) throw damagedPage(number, 'a key leaves it');
      return node;
    });
  }

  #readPage(number: number, kind: number): Buffer {
    const page = this.#page;
    this.pagesRead++;
    const bytes = readSync(this.#descriptor, page, 0, page.length, number * this.#pageBytes);
    if (bytes !== page.length) throw this.#cutShort(BigInt(number));
    if (page.readBigUInt64LE(0) !== BigInt(number)) {
      const isZero = page.every((byte) => byte === 0);
      throw damagedPage(number, isZero ? 'it is all zeros' : 'it bears another number');
    }
    if ((page.readUInt16LE(18) & (kindBranch | kindLeaf)) !== kind) {
      throw damagedPage(number, 'it is of another kind');
    }
    return page;
  }

  /** The number of a page that must lie within the file. */
  #locate(number: bigint): number {
    this.#locateRun(number, 1n);
    return Number(number);
  }

  #locateRun(first: bigint, count: bigint): void {
    if (first < 2n) throw new Fault('is damaged: a tree leads into its head');
    const end = (first + count) * BigInt(this.#pageBytes);
    if (end > BigInt(this.#fileBytes)) throw this.#cutShort(first);
  }

  #cutShort(number: bigint): Fault {
    const pages = Math.floor(this.#fileBytes / this.#pageBytes);
    return new Fault(`was cut short: it needs page ${number} and has ${pages} pages`);
  }
}

function treeAt(bytes: Buffer, offset: number): Tree {
  return { depth: bytes.readUInt16LE(offset + 6), root: bytes.readBigUInt64LE(offset + 40) };
}

function damagedPage(number: number, sentence: string): Fault {
  return new Fault(`is damaged at page ${number}: ${sentence}`);
}
