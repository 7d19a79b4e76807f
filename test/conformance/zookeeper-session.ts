import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ZookeeperError } from '../../src/membership/zookeeper/zookeeper-error.ts';
import type { ZookeeperSession } from '../../src/membership/zookeeper/zookeeper-session.ts';

/** A ZooKeeper, fake or real, and the ways to wait under its clock. */
export interface ZookeeperUnderTest {
  /** A connected session below a root that is new for each test. */
  open(): Promise<ZookeeperSession>;
  settle<T>(promise: Promise<T>): Promise<T>;
  until(condition: () => boolean): Promise<void>;
  /** Ends all sessions. */
  stop(): Promise<void>;
}

const bytes = (text: string) => Buffer.from(text);

/** What a session promises on every server that works. */
export function zookeeperSessionConformance(
  name: string,
  create: () => Promise<ZookeeperUnderTest>,
): void {
  describe(`a session with ${name}`, () => {
    let zookeeper: ZookeeperUnderTest;
    let session: ZookeeperSession;

    const settle = <T>(promise: Promise<T>) => zookeeper.settle(promise);
    const failure = async (promise: Promise<unknown>) => {
      const thrown = await settle(promise.catch((error: unknown) => error));
      assert.ok(thrown instanceof ZookeeperError, `not a ZookeeperError: ${thrown}`);
      return thrown;
    };
    const codeOf = async (promise: Promise<unknown>) => (await failure(promise)).code;

    beforeEach(async () => {
      zookeeper = await create();
      session = await zookeeper.open();
      await settle(session.ensure('/'));
    });

    afterEach(() => zookeeper.stop());

    it('makes the znodes above one that is needed, again and again', async () => {
      await settle(session.ensure('/deep/down/below'));
      await settle(session.ensure('/deep/down/below'));
      assert.deepEqual(await settle(session.children('/')), ['deep']);
      assert.deepEqual(await settle(session.children('/deep/down')), ['below']);
    });

    it('keeps what was written, and says undefined for what is not there', async () => {
      assert.equal(await settle(session.get('/a')), undefined);
      assert.equal(await settle(session.exists('/a')), undefined);
      assert.equal(await settle(session.children('/a')), undefined);
      await settle(session.createPersistent('/a', bytes('one')));
      const value = await settle(session.get('/a'));
      assert.equal(value && Buffer.from(value.data).toString(), 'one');
      assert.equal(value?.stat.version, 0);
      assert.equal(value?.stat.ephemeralOwner, 0n);
      await settle(session.createPersistent('/empty', new Uint8Array()));
      assert.equal((await settle(session.get('/empty')))?.data.length, 0);
      assert.equal(await codeOf(session.createPersistent('/a', bytes('two'))), 'NODE_EXISTS');
      assert.equal(await codeOf(session.createPersistent('/b/c', bytes('two'))), 'NO_NODE');
    });

    it('changes and deletes only the version that is named', async () => {
      await settle(session.createPersistent('/a', bytes('0')));
      assert.equal((await settle(session.set('/a', bytes('1'), 0))).version, 1);
      assert.equal(await codeOf(session.set('/a', bytes('x'), 0)), 'BAD_VERSION');
      assert.equal((await settle(session.set('/a', bytes('2')))).version, 2);
      assert.equal(await codeOf(session.set('/b', bytes('x'))), 'NO_NODE');
      assert.equal(await codeOf(session.delete('/a', 0)), 'BAD_VERSION');
      await settle(session.createPersistent('/a/b', bytes('')));
      assert.equal(await codeOf(session.delete('/a')), 'NOT_EMPTY');
      assert.equal(await settle(session.delete('/a/b', 0)), true);
      assert.equal(await settle(session.delete('/a', 2)), true);
      assert.equal(await settle(session.delete('/a')), false);
    });

    it('does all of a transaction or nothing, and says what failed', async () => {
      await settle(session.createPersistent('/a', bytes('0')));
      const error = await failure(
        session.multi([
          { kind: 'create', path: '/b', data: bytes(''), mode: 'persistent' },
          { kind: 'set', path: '/a', data: bytes('1'), version: 7 },
          { kind: 'delete', path: '/a' },
        ]),
      );
      assert.equal(error.code, 'BAD_VERSION');
      assert.match(error.message, /operation 1: set .*\/a/);
      assert.equal(error.mayHaveApplied, false);
      assert.deepEqual(await settle(session.children('/')), ['a']);
      await settle(
        session.multi([
          { kind: 'check', path: '/a', version: 0 },
          { kind: 'create', path: '/b', data: bytes('b'), mode: 'ephemeral' },
          { kind: 'set', path: '/a', data: bytes('1'), version: 0 },
        ]),
      );
      assert.equal((await settle(session.exists('/b')))?.ephemeralOwner, session.sessionId);
      assert.equal((await settle(session.exists('/a')))?.version, 1);
    });

    it('means 0 by version 0 in a transaction', async () => {
      await settle(session.createPersistent('/a', bytes('0')));
      await settle(session.set('/a', bytes('1')));
      for (const kind of ['check', 'delete'] as const) {
        assert.equal(
          await codeOf(session.multi([{ kind, path: '/a', version: 0 }])),
          'BAD_VERSION',
        );
      }
      const set = { kind: 'set', path: '/a', data: bytes('x'), version: 0 } as const;
      assert.equal(await codeOf(session.multi([set])), 'BAD_VERSION');
    });

    it('gives a znode that is deleted and made again in one transaction a new czxid', async () => {
      const before = await settle(session.createEphemeral('/a', bytes('0')));
      await settle(
        session.multi([
          { kind: 'delete', path: '/a' },
          { kind: 'create', path: '/a', data: bytes('1'), mode: 'ephemeral' },
        ]),
      );
      const after = await settle(session.exists('/a'));
      assert.ok(after && after.czxid > before.czxid);
      assert.equal(after.ephemeralOwner, session.sessionId);
    });

    it('tells a watcher of children once, however often it asked', async () => {
      let events = 0;
      const onChange = () => {
        events++;
      };
      await settle(session.children('/', onChange));
      await settle(session.children('/', onChange));
      const other = await zookeeper.open();
      await settle(other.createPersistent('/a', bytes('')));
      await zookeeper.until(() => events === 1);
      await settle(other.createPersistent('/b', bytes('')));
      // Answers come after the events of what was before them.
      assert.equal((await settle(session.children('/', onChange)))?.length, 2);
      assert.equal(events, 1);
      await settle(other.delete('/a'));
      await zookeeper.until(() => events === 2);
    });

    it('tells who waits for a znode when it is there, changes and goes', async () => {
      const seen: string[] = [];
      const other = await zookeeper.open();
      await settle(session.exists('/a', () => seen.push('made')));
      await settle(other.createPersistent('/a', bytes('0')));
      await zookeeper.until(() => seen.length === 1);
      await settle(session.get('/a', () => seen.push('changed')));
      await settle(other.set('/a', bytes('1')));
      await zookeeper.until(() => seen.length === 2);
      await settle(session.get('/a', () => seen.push('gone')));
      await settle(other.delete('/a'));
      await zookeeper.until(() => seen.length === 3);
      assert.deepEqual(seen, ['made', 'changed', 'gone']);
    });

    it('watches nothing for a read of what is not there', async () => {
      let events = 0;
      const onChange = () => {
        events++;
      };
      assert.equal(await settle(session.get('/a', onChange)), undefined);
      assert.equal(await settle(session.children('/a', onChange)), undefined);
      let others = 0;
      await settle(
        session.exists('/a', () => {
          others++;
        }),
      );
      await settle(session.createPersistent('/a', bytes('')));
      await zookeeper.until(() => others === 1);
      assert.equal(events, 0);
    });

    it('takes its ephemeral znodes along when it ends', async () => {
      const other = await zookeeper.open();
      const stat = await settle(other.createEphemeral('/a', bytes('here')));
      assert.equal(stat.ephemeralOwner, other.sessionId);
      assert.equal(await codeOf(session.createEphemeral('/a', bytes('me'))), 'NODE_EXISTS');
      let isGone = false;
      await settle(
        session.exists('/a', () => {
          isGone = true;
        }),
      );
      await settle(other.stop());
      await zookeeper.until(() => isGone);
      const mine = await settle(session.createEphemeral('/a', bytes('me')));
      assert.equal(mine.ephemeralOwner, session.sessionId);
      assert.ok(mine.czxid > stat.czxid);
    });

    it('numbers sequential znodes in their order', async () => {
      await settle(session.ensure('/election'));
      const other = await zookeeper.open();
      const paths: string[] = [];
      for (const maker of [session, other, session]) {
        paths.push(await settle(maker.createSequential('/election/candidate-', bytes('x'))));
      }
      const numbers = paths.map((path) => Number(path.slice(path.lastIndexOf('-') + 1)));
      assert.deepEqual(numbers, [0, 1, 2]);
      const names = await settle(session.children('/election'));
      assert.deepEqual(names?.map((child) => `/election/${child}`).sort(), [...paths].sort());
      assert.equal(
        (await settle(session.get(paths[1] ?? '')))?.stat.ephemeralOwner,
        other.sessionId,
      );
    });
  });
}
