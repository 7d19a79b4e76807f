/** The console without a terminal and without a cluster: lines in, lines out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { QuorateError } from '../../../src/base/quorate-error.ts';
import { type ConsoleClient, ConsoleSession } from '../../../src/cli/console/console-session.ts';
import type { EntryAnswer, GetAnswer, WriteAnswer } from '../../../src/client/answers.ts';
import type { OnMoved } from '../../../src/client/cluster-client.ts';
import { clusterAnswer } from '../../support/cluster-answer.ts';

const answers = { writeTimeMs: 0, explanation: undefined };
const absent: GetAnswer = { ...answers, value: undefined, version: '', expireTimeMs: undefined };
const stored: WriteAnswer = { ...answers, version: 'v1' };

function node(name: string, port: number) {
  const seen = {
    incarnation: '',
    tokensOwned: 128,
    hintsWaiting: 0,
    dirtyTokens: 0,
    problem: '',
    registered: undefined,
  };
  const times = { roundTripMs: undefined, clockAheadMs: undefined };
  return { name, host: '127.0.0.1', port, liveness: 'up' as const, ...seen, ...times };
}

const cluster = clusterAnswer({
  node: 'replica0',
  replicationFactor: 2,
  entries: 1,
  nodes: [node('replica0', 9090), node('replica1', 9091)],
});

const entry: EntryAnswer = {
  key: 7,
  value: { kind: 'text', text: 'a\u001b[2Jb' },
  version: 'v1',
  writeTimeMs: 0,
  expireTimeMs: 1_000,
  token: 7,
};

/** A session whose nodes answer as told; what it wrote; where it connected, in order. */
function startSession(told: Partial<ConsoleClient> = {}, isForPeople = true) {
  const printed: string[] = [];
  const said: string[] = [];
  const targets: string[] = [];
  const moves: OnMoved[] = [];
  const connect = (target: string, onMoved: OnMoved): ConsoleClient => {
    targets.push(target);
    moves.push(onMoved);
    return {
      get: async () => absent,
      put: async () => stored,
      delete: async () => stored,
      locate: async () => ({ token: 7, preferenceList: ['replica0'], ringEpoch: 1 }),
      describeCluster: async () => cluster,
      listEntries: async function* () {
        if (target.endsWith(':9091')) throw new QuorateError('CONNECTION_FAILED');
        yield entry;
      },
      close: () => undefined,
      ...told,
    };
  };
  const session = new ConsoleSession(
    { connect, print: (line) => printed.push(line), say: (line) => said.push(line) },
    { target: '127.0.0.1:9090', isForPeople },
  );
  return { session, printed, said, targets, moves };
}

describe('a console', () => {
  it('shows its coordinator and its level in the prompt', async () => {
    const { session } = startSession();
    assert.equal(session.prompt, '127.0.0.1:9090 [QUORUM]> ');
    await session.meet();
    await session.runLine('level one');
    assert.equal(session.prompt, 'replica0@127.0.0.1:9090 [ONE]> ');
  });

  it('says that a key does not exist, apart from the data', async () => {
    const { session, printed, said } = startSession();
    const { exitCode } = await session.runLine('get 7');
    assert.deepEqual(
      { exitCode, printed, said },
      { exitCode: 1, printed: [], said: ['Key does not exist'] },
    );
  });

  it('says how many replicas are missing in the words of the original', async () => {
    const details = { required: 2, alive: 1, mayHaveApplied: false };
    const fail = () => Promise.reject(new QuorateError('NOT_ENOUGH_REPLICAS', details));
    const { session, said } = startSession({ put: fail });
    const { exitCode } = await session.runLine('put 7 a');
    assert.equal(exitCode, 3);
    assert.match(said[0] ?? '', /^Not enough replicas available: 2 needed, 1 can be reached/);
  });

  it('asks at the level of the line, else at its own', async () => {
    const levels: unknown[] = [];
    const { session } = startSession({
      get: async (_key, options) => {
        levels.push(options?.consistency, options?.explain);
        return absent;
      },
    });
    for (const line of [
      'get 1',
      'get 1 ONE',
      'level ALL',
      'explain get 1',
      'explain on',
      'get 1',
    ]) {
      await session.runLine(line);
    }
    assert.deepEqual(levels, ['QUORUM', false, 'ONE', false, 'ALL', true, 'ALL', true]);
  });

  it('displays what each node holds and names those that cannot be reached', async () => {
    const { session, printed, said } = startSession();
    assert.equal((await session.runLine('display')).exitCode, 0);
    assert.match(printed.join('\n'), /replica0 at 127\.0\.0\.1:9090 holds 1 key\n/);
    assert.match(printed.join('\n'), /expires.*\n.*1970-01-01T00:00:01\.000Z/s);
    assert.match(said.join('\n'), /replica1 at 127\.0\.0\.1:9091 cannot be reached/);
  });

  it('hands the time to live on, and says whether a value was deleted or has expired', async () => {
    const lives: (number | undefined)[] = [];
    let answer = { ...absent, version: 'v1' };
    const { session, said } = startSession({
      get: async () => answer,
      put: async (_key, _value, options) => {
        lives.push(options?.ttlMs);
        return stored;
      },
    });
    for (const line of ['put 7 a --ttl 2s', 'put 7 b', 'get 7']) await session.runLine(line);
    answer = { ...answer, expireTimeMs: 1_000 };
    assert.equal((await session.runLine('get 7')).exitCode, 1);
    assert.deepEqual(lives, [2_000, undefined]);
    assert.deepEqual(said, [
      'Key does not exist (deleted at v1)',
      'Key does not exist (expired at 1970-01-01T00:00:01.000Z)',
    ]);
  });

  it('keeps values from steering the terminal, and leaves them alone in a pipe', async () => {
    const value = { kind: 'text', text: 'a\u001b[2J' } as const;
    const told = { get: async () => ({ ...absent, ...stored, value }) };
    const people = startSession(told);
    const pipe = startSession(told, false);
    await people.session.runLine('get 7');
    await pipe.session.runLine('get 7');
    assert.deepEqual([people.printed, pipe.printed], [['a\\x1b[2J'], ['a\u001b[2J']]);
  });

  it('changes its coordinator by name or address, and never by itself', async () => {
    const { session, targets } = startSession();
    await session.meet();
    await session.runLine('use replica1');
    await session.runLine('use localhost:9099');
    await session.runLine('use nonsense');
    assert.deepEqual(targets, ['127.0.0.1:9090', '127.0.0.1:9091', 'localhost:9099']);
  });

  it('shows the coordinator that was found, and says why it is another one now', async () => {
    const lost = new QuorateError('CONNECTION_FAILED', { mayHaveApplied: true, reason: 'reset' });
    const { session, said, moves } = startSession({ put: () => Promise.reject(lost) });
    const [first, second] = cluster.nodes;
    assert.ok(first !== undefined && second !== undefined);
    moves[0]?.([], first);
    assert.equal(session.prompt, 'replica0@127.0.0.1:9090 [QUORUM]> ');
    assert.deepEqual(said, []);
    assert.equal((await session.runLine('put 7 a')).exitCode, 5);
    assert.deepEqual(said.splice(0).slice(-2), [
      'the write may have been applied.',
      'the next command goes through another node.',
    ]);
    moves[0]?.([{ node: first, error: lost }], second);
    assert.equal(session.prompt, 'replica1@127.0.0.1:9091 [QUORUM]> ');
    assert.match(
      said[0] ?? '',
      /^replica0 at \S+ was lost during a write; going through replica1 at/,
    );
  });

  it('survives every line', async () => {
    const { session } = startSession();
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
    const verb = fc.constantFrom(
      'get',
      'put',
      'delete',
      'level',
      'explain',
      'display',
      'use',
      'locate',
      '',
    );
    await fc.assert(
      fc.asyncProperty(verb, anything, async (first, rest) => {
        const { exitCode } = await session.runLine(`${first} ${rest}`);
        assert.ok([0, 1, 2, 3].includes(exitCode));
      }),
    );
  });
});
