/**
 * The tree of a fake ZooKeeper: znodes with versions and owners, one-shot watches, transactions.
 * Pure: no network, no time. Failures are thrown as the numbers of the protocol.
 */
export interface FakeStat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly version: number;
  readonly cversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;
}

/** What a server answers instead of a result. */
export class FakeRefusal extends Error {
  readonly number: number;

  constructor(number: number) {
    super(`refused with ${number}`);
    this.number = number;
  }
}

export type FakeOperation =
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Buffer;
      readonly flags: number;
    }
  | {
      readonly kind: 'set' | 'delete' | 'check';
      readonly path: string;
      readonly version: number;
      readonly data?: Buffer;
    };

/** Numbers of watch events in the protocol. */
const fakeEvents = { created: 1, deleted: 2, changed: 3, children: 4 } as const;

/** Called once when a watch fires. */
export type FakeWatcher = (event: number, path: string) => void;

interface Znode {
  data: Buffer;
  version: number;
  cversion: number;
  mzxid: bigint;
  pzxid: bigint;
  readonly czxid: bigint;
  readonly ephemeralOwner: bigint;
  readonly children: Set<string>;
  sequence: number;
}

const noNode = -101;
const badVersion = -103;
const ephemeralParent = -108;
const nodeExists = -110;
const notEmpty = -111;

export class FakeZnodes {
  #nodes = new Map<string, Znode>();
  readonly #watches = new Map<string, Set<FakeWatcher>>();
  #zxid: bigint;

  constructor(firstZxid = 0n) {
    this.#zxid = firstZxid;
    this.#nodes.set('/', newZnode(Buffer.alloc(0), 0n, 0n));
  }

  get zxid(): bigint {
    return this.#zxid;
  }

  get watchCount(): number {
    return [...this.#watches.values()].reduce((sum, watchers) => sum + watchers.size, 0);
  }

  get paths(): readonly string[] {
    return [...this.#nodes.keys()].sort();
  }

  stat(path: string): FakeStat {
    const node = this.#node(path);
    return {
      czxid: node.czxid,
      mzxid: node.mzxid,
      version: node.version,
      cversion: node.cversion,
      ephemeralOwner: node.ephemeralOwner,
      dataLength: node.data.length,
      numChildren: node.children.size,
      pzxid: node.pzxid,
    };
  }

  data(path: string): Buffer {
    return this.#node(path).data;
  }

  children(path: string): readonly string[] {
    return [...this.#node(path).children];
  }

  has(path: string): boolean {
    return this.#nodes.has(path);
  }

  watch(kind: 'node' | 'children', path: string, watcher: FakeWatcher): void {
    const key = `${kind} ${path}`;
    const watchers = this.#watches.get(key) ?? new Set();
    this.#watches.set(key, watchers.add(watcher));
  }

  forget(watcher: FakeWatcher): void {
    for (const [key, watchers] of this.#watches) {
      watchers.delete(watcher);
      if (watchers.size === 0) this.#watches.delete(key);
    }
  }

  /** @returns the path, with its number if it is sequential. */
  create(path: string, data: Buffer, flags: number, sessionId: bigint): string {
    const parentPath = parentOf(path);
    const parent = this.#node(parentPath);
    if (parent.ephemeralOwner !== 0n) throw new FakeRefusal(ephemeralParent);
    const suffix = (flags & 2) === 0 ? '' : String(parent.sequence).padStart(10, '0');
    const created = path + suffix;
    if (this.#nodes.has(created)) throw new FakeRefusal(nodeExists);
    this.#zxid++;
    const owner = (flags & 1) === 0 ? 0n : sessionId;
    this.#nodes.set(created, newZnode(data, this.#zxid, owner));
    parent.children.add(created.slice(created.lastIndexOf('/') + 1));
    parent.sequence++;
    this.#touch(parent);
    this.#fire('node', created, fakeEvents.created);
    this.#fire('children', parentPath, fakeEvents.children);
    return created;
  }

  set(path: string, data: Buffer, version: number): FakeStat {
    const node = this.#node(path, version);
    node.data = data;
    node.version++;
    node.mzxid = ++this.#zxid;
    this.#fire('node', path, fakeEvents.changed);
    return this.stat(path);
  }

  delete(path: string, version: number): void {
    const node = this.#node(path, version);
    if (node.children.size > 0) throw new FakeRefusal(notEmpty);
    const parentPath = parentOf(path);
    const parent = this.#node(parentPath);
    this.#nodes.delete(path);
    parent.children.delete(path.slice(path.lastIndexOf('/') + 1));
    this.#zxid++;
    this.#touch(parent);
    this.#fire('node', path, fakeEvents.deleted);
    this.#fire('children', path, fakeEvents.deleted);
    this.#fire('children', parentPath, fakeEvents.children);
  }

  check(path: string, version: number): void {
    this.#node(path, version);
  }

  /** All or nothing. @returns a result for each, or the place and number of the first failure. */
  multi(
    operations: readonly FakeOperation[],
    sessionId: bigint,
  ): { results: readonly (string | FakeStat | undefined)[] } | { index: number; number: number } {
    const before = structuredCloneOf(this.#nodes);
    const zxid = this.#zxid;
    const held: (() => void)[] = [];
    this.#hold = held;
    const results: (string | FakeStat | undefined)[] = [];
    try {
      for (const operation of operations) results.push(this.#apply(operation, sessionId));
    } catch (error: unknown) {
      if (!(error instanceof FakeRefusal)) throw error;
      this.#nodes = before;
      this.#zxid = zxid;
      this.#hold = undefined;
      return { index: results.length, number: error.number };
    }
    this.#hold = undefined;
    for (const fire of held) fire();
    return { results };
  }

  endSession(sessionId: bigint): void {
    for (const [path, node] of [...this.#nodes]) {
      if (node.ephemeralOwner === sessionId) this.delete(path, -1);
    }
  }

  #hold: (() => void)[] | undefined;

  #apply(operation: FakeOperation, sessionId: bigint): string | FakeStat | undefined {
    const { kind, path } = operation;
    if (kind === 'create') return this.create(path, operation.data, operation.flags, sessionId);
    if (kind === 'set') {
      return this.set(path, operation.data ?? Buffer.alloc(0), operation.version);
    }
    if (kind === 'delete') this.delete(path, operation.version);
    else this.check(path, operation.version);
    return undefined;
  }

  #node(path: string, version = -1): Znode {
    const node = this.#nodes.get(path);
    if (node === undefined) throw new FakeRefusal(noNode);
    if (version !== -1 && version !== node.version) throw new FakeRefusal(badVersion);
    return node;
  }

  #touch(parent: Znode): void {
    parent.cversion++;
    parent.pzxid = this.#zxid;
  }

  #fire(kind: 'node' | 'children', path: string, event: number): void {
    if (this.#hold !== undefined) {
      this.#hold.push(() => this.#fire(kind, path, event));
      return;
    }
    const key = `${kind} ${path}`;
    const watchers = this.#watches.get(key) ?? [];
    this.#watches.delete(key);
    for (const watcher of watchers) watcher(event, path);
  }
}

function newZnode(data: Buffer, zxid: bigint, ephemeralOwner: bigint): Znode {
  return {
    data,
    version: 0,
    cversion: 0,
    czxid: zxid,
    mzxid: zxid,
    pzxid: zxid,
    ephemeralOwner,
    children: new Set(),
    sequence: 0,
  };
}

function structuredCloneOf(nodes: ReadonlyMap<string, Znode>): Map<string, Znode> {
  return new Map(
    [...nodes].map(([path, node]) => [path, { ...node, children: new Set(node.children) }]),
  );
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
