import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import { HeldPipe, type Weather } from './held-pipe.ts';

/** Where all of it listens: this machine, and nothing beyond. */
export const loopback = '127.0.0.1';

interface Connection {
  readonly sockets: readonly [Socket, Socket];
  readonly pipes: readonly [HeldPipe, HeldPipe];
}

/** The way from one node to another: a port in front of the other's own. */
export class ProxiedLink {
  /** Where the other listens now. */
  targetPort: number;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** From the node that connects to the one that listens. */
  readonly forward: Weather = { isHeld: false, delayMs: 0 };
  readonly backward: Weather = { isHeld: false, delayMs: 0 };
  /** Whether connections are refused. */
  isRefusing = false;

  constructor(clock: Clock, targetPort: number) {
    this.#clock = clock;
    this.targetPort = targetPort;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Listens. @returns the port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, loopback, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  /** Makes a change of the weather felt. */
  pump(): void {
    for (const { pipes } of this.#connections) for (const pipe of pipes) pipe.pump();
  }

  /** Ends all connections, and with them what they hold. */
  reset(): void {
    for (const { sockets, pipes } of this.#connections) {
      for (const pipe of pipes) pipe.close();
      for (const socket of sockets) resetSocket(socket);
    }
    this.#connections.clear();
  }

  close(): void {
    this.#server.close();
    this.reset();
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined);
    if (this.isRefusing) {
      resetSocket(near);
      return;
    }
    const far = connect({ host: loopback, port: this.targetPort, noDelay: true });
    far.on('error', () => near.destroy());
    const pipes = [
      new HeldPipe(this.#clock, near, far, this.forward),
      new HeldPipe(this.#clock, far, near, this.backward),
    ] as const;
    const connection = { sockets: [near, far], pipes } as const;
    this.#connections.add(connection);
    const forget = () => {
      if (near.destroyed && far.destroyed) this.#connections.delete(connection);
    };
    near.on('close', forget);
    far.on('close', forget);
  }
}

/**
 * A socket whose end is under way cannot be reset: Node.js would neither do that nor close it, and
 * the process could not exit. One that is being connected has nothing to reset yet.
 */
function resetSocket(socket: Socket): void {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
