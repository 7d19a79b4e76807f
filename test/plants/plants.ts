import type { Profile } from '../simulation/profile.ts';

/**
 * Bugs that could be in the product, each as a change of a line or two of the compiled code. The
 * simulator has to find every one; a bug that it does not find would be a hole in its checks.
 */
export interface Plant {
  /** What the broken cluster does. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The scenario in which it shows. */
  readonly profile: Partial<Profile>;
}

export interface Edit {
  /** Below the compiled folder. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

const busy: Partial<Profile> = {
  nodes: 4,
  replicationFactor: 3,
  keys: [7],
  isMixed: false,
  clients: 12,
  durationMs: 3_000,
  restMsMax: 20,
  deletes: 0.2,
  expiring: 0,
  delayMsMax: 8,
  faults: 0,
};

const withKills: Partial<Profile> = {
  ...busy,
  flushMsMax: 25,
  faults: 6,
  faultKinds: ['kill', 'kill-all'],
  faultMsMax: 1_500,
};

const withCuts: Partial<Profile> = {
  ...busy,
  faults: 6,
  faultKinds: ['isolate', 'cut', 'reset', 'pause'],
  faultMsMax: 1_500,
};

const withHints: Partial<Profile> = { ...withCuts, mode: 'HINTED-HANDOFF' };

/** The last write of a key is missed by a node, and nobody reads or writes it any more. */
const missedWrites: Partial<Profile> = {
  ...busy,
  mode: 'HINTED-HANDOFF',
  keys: [7, 8, 9, 10, 11, 12, 13],
  clients: 6,
  restMsMax: 200,
  durationMs: 2_000,
  faults: 4,
  faultKinds: ['isolate'],
  faultMsMax: 6_000,
};

const beyondTheLimit: Partial<Profile> = { ...missedWrites, hintLimits: { hintsPerTargetMax: 1 } };

/** So many keys that a stale replica is seldom healed by a read. */
const withLostDisk: Partial<Profile> = {
  ...missedWrites,
  mode: 'NONE',
  nodes: 3,
  keys: Array.from({ length: 60 }, (_, index) => index),
  restMsMax: 60,
  durationMs: 6_000,
  writes: 0.3,
  faults: 5,
  faultKinds: ['lose-disk', 'kill'],
  faultMsMax: 1_800,
};

const read = 'src/coordinator/read-core.js';
const write = 'src/coordinator/write-operation.js';
const storage = 'src/storage/durable-storage.js';

export const plants: readonly Plant[] = [
  {
    name: 'takes one answer for a quorum',
    edits: [
      {
        file: 'src/consistency/consistency-level.js',
        find: 'return Math.floor(replicas / 2) + 1;',
        replace: 'return 1;',
      },
    ],
    profile: busy,
  },
  {
    name: 'answers a read with a version that one replica holds: no write-back',
    edits: [
      {
        file: read,
        find: 'if (!this.#plan.isLinearizable || this.#holders(newest) >= this.#plan.required) {',
        replace: 'if (true) {',
      },
    ],
    profile: withCuts,
  },
  {
    name: 'is content with replicas that hold at least the version',
    edits: [
      {
        file: read,
        find: 'const holds = (node) => compareVersions(this.#held.get(node), version) === 0;',
        replace: 'const holds = (node) => this.#held.has(node);',
      },
    ],
    profile: withCuts,
  },
  {
    name: 'writes at QUORUM without asking for versions first',
    edits: [
      {
        file: write,
        find: 'if (!this.#plan.isLinearizable || this.#request.version !== undefined) {',
        replace: 'if (true) {',
      },
    ],
    profile: { ...busy, clockSkewMsMax: 240 },
  },
  {
    name: 'does not let its clock follow the versions that it was told',
    edits: [
      {
        file: write,
        find: '!hybridClock.observe(newestSeen.clock, realtimeMs)',
        replace: 'newestSeen.clock === 0n',
      },
      {
        file: 'src/replica/replica.js',
        find: 'this.#hybridClock.observe(record.version.clock, realtimeMs);',
        replace: '',
      },
    ],
    profile: { ...busy, clockSkewMsMax: 240 },
  },
  {
    name: 'counts a hint as an acknowledgement',
    edits: [
      {
        file: write,
        find: 'this.#components.hints.keep(node, this.#plan.key, this.#record);',
        replace:
          'this.#components.hints.keep(node, this.#plan.key, this.#record);\n            this.#core.addStored(node, this.#record.version);',
      },
      {
        file: write,
        find: "this.#phase = 'store';",
        replace:
          "this.#phase = 'store'; this.#hintMissing((node) => !this.#plan.writable.includes(node));",
      },
      {
        file: 'src/coordinator/write-core.js',
        find: 'new QuorumTally(plan.required, plan.writable)',
        replace: 'new QuorumTally(plan.required, plan.replicas)',
      },
    ],
    profile: { ...withHints, nodes: 3, faults: 12, faultKinds: ['isolate', 'kill'] },
  },
  {
    name: 'counts one acknowledgement twice',
    edits: [
      {
        file: 'src/consistency/quorum-tally.js',
        find: 'if (this.received >= this.#required)',
        replace: 'if (this.received * 2 >= this.#required)',
      },
    ],
    profile: withCuts,
  },
  {
    name: 'counts a refusal as an acknowledgement',
    edits: [
      {
        file: write,
        find: 'this.#core.addRefused(node);',
        replace: 'this.#core.addStored(node, this.#record.version);',
      },
    ],
    profile: { ...busy, faults: 8, faultKinds: ['full', 'kill'], faultMsMax: 2_000 },
  },
  {
    name: 'says that a write was not applied when its link broke',
    edits: [
      {
        file: 'src/links/open-requests.js',
        find: "this.end(id, isUnderWay ? { outcome: 'unknown', reason: 'link-broken' } : notSent);",
        replace: 'this.end(id, notSent);',
      },
    ],
    // With one replica a broken link is all that the coordinator learns.
    profile: { ...withCuts, replicationFactor: 1, nodes: 3, faultKinds: ['reset'], faults: 40 },
  },
  {
    name: 'acknowledges before the flush',
    edits: [
      {
        file: storage,
        find: 'await (others.size === 1 ? first : Promise.all(others));',
        replace: 'Promise.all(others).catch(() => undefined);',
      },
    ],
    profile: { ...withKills, faultKinds: ['kill-all'] },
  },
  {
    name: 'says "already newer" before that is on the disk',
    edits: [
      {
        file: storage,
        find: 'if (flushed !== undefined)\n                    others.add(flushed);',
        replace: '',
      },
    ],
    profile: { ...withKills, faultKinds: ['kill-all'], clients: 40 },
  },
  {
    name: 'compares with what is on the disk alone, and lowers versions in flight',
    edits: [
      {
        file: storage,
        find: 'known.flight?.version ?? this.#versionToPass(key, known, record.version)',
        replace: 'this.#versionToPass(key, known, record.version)',
      },
    ],
    profile: { ...busy, flushMsMax: 25, clients: 24 },
  },
  {
    name: 'takes an older version in place of a newer one',
    edits: [
      {
        file: storage,
        find: 'current !== undefined && compareVersions(current, record.version) >= 0',
        replace: 'current !== undefined && compareVersions(current, record.version) === 0',
      },
    ],
    profile: busy,
  },
  {
    name: 'takes part in a question for the newest clock that has left before',
    edits: [
      {
        file: 'src/links/open-requests.js',
        find: 'takeFrame(nowMs) {\n        this.#clockQuery = undefined;',
        replace: 'takeFrame(nowMs) {',
      },
    ],
    profile: { ...busy, clockSkewMsMax: 240, delayMsMax: 30 },
  },
  {
    name: 'changes a record whose transaction has begun',
    edits: [
      {
        file: storage,
        find: 'entered.waiting = undefined;',
        replace: ';',
      },
    ],
    profile: { ...withKills, faultKinds: ['kill-all'], clients: 40 },
  },
  {
    name: 'names the clock of the latest store, not the newest',
    edits: [
      {
        file: 'src/storage/newest-clock.js',
        find: 'this.#clock = laterClock(this.#clock, clock);',
        replace: 'this.#clock = laterClock(clock, 0n);',
      },
    ],
    profile: { ...busy, clockSkewMsMax: 240, keys: [7, 8] },
  },
  {
    name: 'deletes physically',
    edits: [
      {
        file: storage,
        find: 'const value = encodeRecord(key, record);',
        replace: 'const value = record.value && encodeRecord(key, record);',
      },
    ],
    profile: withCuts,
  },
  {
    name: 'does not break ties between versions of two nodes',
    edits: [
      {
        file: 'src/record/version.js',
        find: 'return left.node < right.node ? -1 : 1;',
        replace: 'return 0;',
      },
    ],
    profile: { ...busy, clients: 16, restMsMax: 5, durationMs: 1_000 },
  },
  {
    name: 'goes on after a flush that failed',
    edits: [
      {
        file: 'src/storage/group-commit.js',
        find: 'for (const { reject } of group)\n                    reject(error);',
        replace: 'for (const { resolve } of group)\n                    resolve();',
      },
    ],
    profile: {
      ...busy,
      faults: 8,
      faultKinds: ['full', 'full', 'kill-all'],
      faultMsMax: 1_000,
      flushMsMax: 5,
    },
  },
  {
    name: 'forgets hints before they are delivered',
    edits: [
      {
        file: 'src/hints/hint-dispatcher.js',
        find: "const request = { operation: 'spread', key, record };",
        replace:
          "const request = { operation: 'spread', key, record };\n        hints.remove(target, key, version);",
      },
      {
        file: 'src/hints/hint-dispatcher.js',
        find: 'if (!replicas.takesWrites(target) || hints.count(target) === 0)',
        replace: 'if (hints.count(target) === 0)',
      },
      {
        file: 'src/hints/hint-dispatcher.js',
        find: 'if (this.#isStopped || !replicas.takesWrites(target))',
        replace: 'if (this.#isStopped)',
      },
    ],
    profile: { ...missedWrites, faultKinds: ['isolate', 'kill'] },
  },
  {
    name: 'drops hints over the limit without a mark',
    edits: [
      {
        file: 'src/hints/hint-store.js',
        find: 'return dirty.mark(target, TokenSet.of(mapKeys.map(tokenOf)));',
        replace: 'return Promise.resolve(dirty, tokenOf);',
      },
    ],
    profile: beyondTheLimit,
  },
  {
    name: 'keeps no hint for a replica that did not answer in time',
    edits: [
      {
        file: write,
        find: 'this.#hintMissing(() => true);\n        if (!this.#isAnswered) {',
        replace: 'if (!this.#isAnswered) {',
      },
    ],
    profile: {
      ...missedWrites,
      nodes: 3,
      timeoutsMs: [150],
      durationMs: 500,
      lingerMs: 8_000,
      faults: 2,
      faultMsMax: 12_000,
    },
  },
  {
    name: 'leaves no mark after an unclean stop',
    edits: [
      {
        file: 'src/hints/unclean-stop.js',
        find: 'marks.get(replica)?.push(token);',
        replace: 'marks.get(replica);',
      },
    ],
    profile: { ...withKills, mode: 'HINTED-HANDOFF', faultKinds: ['kill-all'] },
  },
  {
    name: 'ends DIRTY marks before anything was copied',
    edits: [
      {
        file: 'src/hints/dirty-healer.js',
        find: "replicas.clientOf(target).send(request, deadlineMs, onReply, 'patient');",
        replace: "onReply({ outcome: 'copying', isDone: true }, replicas, request, deadlineMs);",
      },
    ],
    profile: beyondTheLimit,
  },
  {
    name: 'copies no tombstones',
    edits: [
      {
        file: 'src/transfer/token-copier.js',
        find: 'if (found.record === undefined)',
        replace: 'if (found.record?.value === undefined)',
      },
    ],
    profile: { ...beyondTheLimit, deletes: 0.8, faults: 6 },
  },
  {
    name: 'lets a node vote that has lost its disk',
    edits: [
      {
        file: 'src/transfer/rebuild.js',
        find: 'replica.setStanding({ servesReads: false });',
        replace: '',
      },
    ],
    profile: withLostDisk,
  },
  {
    name: 'answers for a damaged record as if there were none',
    edits: [
      {
        file: storage,
        find: "if (this.#isDamaged(key))\n            throw new QuorateError('RECORD_DAMAGED');",
        replace: '',
      },
      {
        file: storage,
        find: 'return decodeVersion(key, bytes) ?? this.#throwDamaged(key);',
        replace: 'return decodeVersion(key, bytes);',
      },
      {
        file: storage,
        find: 'return copyValue(decodeRecord(key, bytes) ?? this.#throwDamaged(key));',
        replace:
          'const record = decodeRecord(key, bytes);\n        return record && copyValue(record);',
      },
    ],
    profile: { ...busy, faults: 30, faultKinds: ['damage', 'kill'], writes: 0.3, restMsMax: 100 },
  },
  {
    name: 'serves values that have expired',
    edits: [
      {
        file: 'src/coordinator/expiry.js',
        find: 'return realtimeMs === undefined ? undefined : expireTimeMs <= realtimeMs;',
        replace: 'return expireTimeMs < 0;',
      },
    ],
    profile: { ...busy, expiring: 0.5, ttlMsMax: 300, writes: 0.1 },
  },
  {
    name: 'forgets the deadline of a call',
    edits: [
      {
        file: write,
        find: 'deadlines.add(this, this.#deadlineMs)',
        replace: 'deadlines.add(this, this.#deadlineMs + 2 * this.#request.timeoutMs)',
      },
    ],
    profile: { ...withCuts, timeoutsMs: [500] },
  },
];

/** Bugs of which a scenario of their own tells; a random history meets them too seldom. */
export interface ScenarioPlant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The compiled file, and the words of the test in it that fails. */
  readonly test: readonly [file: string, words: string];
}

export const scenarioPlants: readonly ScenarioPlant[] = [
  {
    name: 'rebuilds a disk from one other replica',
    edits: [
      {
        file: 'src/transfer/rebuild.js',
        find: 'if (this.#waitsFor().length > 0)',
        replace: 'if (this.#waitsFor().length === this.#sources.size)',
      },
      {
        file: 'src/transfer/rebuild.js',
        find: 'for (const source of this.#waitsFor()) {',
        replace: 'for (const source of this.#waitsFor().slice(0, 1)) {',
      },
    ],
    test: ['test/scenarios/lost-disk.test.js', 'holds what only one of the other replicas has'],
  },
  {
    name: 'begins to rebuild while requests may count what was lost',
    edits: [
      {
        file: 'src/transfer/rebuild.js',
        find: 'const beginMs = clock.monotonicMs() + formerLifeMs;',
        replace: 'const beginMs = clock.monotonicMs();',
      },
    ],
    test: ['test/scenarios/lost-disk.test.js', 'does not copy while requests may live'],
  },
  {
    name: 'lets tombstones go before all replicas have copied',
    edits: [
      {
        file: 'src/transfer/tombstone-reclaim.js',
        find: 'if (!(await this.#copyAll(replicas, tokens, round)))',
        replace: 'if (replicas.length === 0)',
      },
    ],
    test: ['test/scenarios/tombstones.test.js', 'stay while a replica cannot tell what it holds'],
  },
  {
    name: 'stores after the deadline, as a coordinator that was paused',
    edits: [
      {
        file: 'src/coordinator/write-operation.js',
        find: 'return this.#components.clock.monotonicMs() >= this.#deadlineMs;',
        replace: 'return false;',
      },
    ],
    test: ['test/scenarios/held-up.test.js', 'answers a put at QUORUM WRITE_TIMEOUT'],
  },
  {
    name: 'sends again what was under way when its link broke',
    edits: [
      {
        file: 'src/links/open-requests.js',
        find: "this.end(id, isUnderWay ? { outcome: 'unknown', reason: 'link-broken' } : notSent);",
        replace: 'if (isUnderWay) this.#queue.push(id);\n            else this.end(id, notSent);',
      },
    ],
    test: ['test/links/peer-link-requests.test.js', 'sends nothing again on the next stream'],
  },
  {
    name: 'knows a node that came back by its name alone',
    edits: [
      {
        file: 'src/membership/incarnations.js',
        find: 'this.#known.get(node) === incarnation)',
        replace: 'this.#known.get(node) !== undefined)',
      },
    ],
    test: ['test/membership/static-membership.test.js', 'tells of each new incarnation once'],
  },
  {
    name: 'repairs only what a read has met',
    edits: [
      {
        file: 'src/coordinator/read-repair.js',
        find: 'this.#compare(node, comparison);',
        replace: ';',
      },
    ],
    test: ['test/scenarios/healing.test.js', 'heals a restarted node by one read'],
  },
  {
    name: 'does not follow a replica that is ahead of what was read',
    edits: [
      {
        file: 'src/coordinator/read-repair.js',
        find: 'this.#compare(other, { key, version: held, holder: node, readable });',
        replace: ';',
      },
    ],
    test: ['test/scenarios/healing.test.js', 'heals the stale replica that answered itself'],
  },
];

/** The checks of histories, switched off. */
export const blindness: readonly Edit[] = [
  {
    file: 'test/simulation/run-seed.js',
    find: '...problemsOf(calls, { isDiskLost })',
    replace: '...[]',
  },
  {
    file: 'test/simulation/run-seed.js',
    find: 'const isSound = problems.length === 0;',
    replace: 'const isSound = false;',
  },
];
