import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { until } from '../support/processes.ts';
import { PeerNetwork } from './peer-network.ts';

describe('the way from node a to node b', () => {
  let server: Server;
  let network: PeerNetwork;
  let socket: Socket;
  /** What b was told, and what a was answered: the same. */
  let told = '';
  let answered = '';

  beforeEach(async () => {
    told = '';
    answered = '';
    server = createServer((accepted) => {
      accepted.on('error', () => undefined);
      accepted.on('data', (bytes) => {
        told += bytes.toString();
        accepted.write(bytes);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    network = new PeerNetwork(
      new Map([
        ['a', 1],
        ['b', address.port],
      ]),
    );
    await network.listen();
    socket = await dial();
    await say('1');
    await until('the first answer', () => answered === '1');
  });
  afterEach(() => {
    socket.destroy();
    network.close();
    server.close();
  });

  const dial = async () => {
    const dialed = connect(network.port('a', 'b') ?? 0, '127.0.0.1');
    dialed.on('data', (bytes) => {
      answered += bytes.toString();
    });
    dialed.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      dialed.once('connect', () => resolve());
      dialed.once('close', () => resolve());
    });
    return dialed;
  };
  const say = (text: string) => new Promise<void>((resolve) => socket.write(text, () => resolve()));
  /** Long enough for what is not held back to arrive. */
  const settle = async () => {
    const startMs = performance.now();
    await until('100 ms are over', () => performance.now() - startMs > 100);
  };

  it('brings nothing to b while b hears nothing, and all in order afterwards', async () => {
    network.hold('b', 'in');
    await say('2');
    await say('3');
    await settle();
    assert.equal(told, '1');
    network.heal('b');
    await until('the answers', () => answered === '123');
  });

  it('brings b all, and a no answer, while a hears nothing or b is not heard', async () => {
    for (const [node, direction] of [
      ['a', 'in'],
      ['b', 'out'],
    ] as const) {
      const before = answered;
      network.hold(node, direction);
      await say('x');
      await until('b has heard', () => told === `${before}x`);
      await settle();
      assert.equal(answered, before);
      network.heal(node);
      await until('the answer', () => answered === `${before}x`);
    }
  });

  it('holds back the end of a connection as well', async () => {
    const closed = new Promise<void>((resolve) => {
      server.once('connection', (accepted: Socket) => accepted.once('close', () => resolve()));
    });
    const other = await dial();
    network.hold('a', 'both');
    other.end();
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    await settle();
    assert.equal(isClosed, false);
    network.heal('a');
    await closed;
  });

  it('leaves no connection behind that was beginning or ending when it was reset', async () => {
    for (let round = 0; round < 20; round++) {
      await dial();
      network.reset('b');
    }
    socket = await dial();
    network.hold('b', 'both');
    socket.end();
    await settle();
    network.heal('b');
    network.reset('b');
    const isSocket = (name: string) => name === 'TCPSocketWrap';
    await until('all are closed', () => !process.getActiveResourcesInfo().some(isSocket));
  });

  it('takes as long as it should each way, and no longer once healed', async () => {
    network.delay('b', 60);
    const startMs = performance.now();
    await say('2');
    await until('the answer', () => answered === '12');
    assert.ok(performance.now() - startMs >= 120);
    network.heal('b');
    await say('3');
    await until('the next answer', () => answered === '123');
  });

  it('ends connections and refuses new ones, and loses what it held back', async () => {
    network.hold('b', 'in');
    await say('2');
    const closed = closeOf(socket);
    network.refuse('b');
    await closed;
    const refused = await dial();
    await until('it is refused', () => refused.closed);
    network.heal('b');
    socket = await dial();
    await say('3');
    await until('the answer', () => answered === '13');
    assert.equal(told, '13');
  });
});

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
