import { EventEmitter } from 'node:events';
import type { Clock } from '../../src/runtime/clock.ts';

/**
 * A TCP connection in memory, under a simulated clock: the client's end looks like a socket of
 * node:net, the server's end is a pair of callbacks. Bytes take `latencyMs` each way, in order.
 */
export interface ServerEnd {
  /** Bytes of the client, in order. */
  onData: (chunk: Buffer) => void;
  onClose: () => void;
  write(chunk: Buffer): void;
  close(): void;
}

const latencyMs = 1;

export class MemorySocket extends EventEmitter {
  readonly #clock: Clock;
  readonly #server: Clock;
  #end: ServerEnd | undefined;
  #isDestroyed = false;

  /**
   * @param accept takes the server's end, or gives `undefined` to refuse the connection.
   * @param clock the client's, in whose process its handlers run.
   * @param server the server's.
   */
  constructor(accept: (end: ServerEnd) => boolean, clock: Clock, server: Clock) {
    super();
    this.#clock = clock;
    this.#server = server;
    const end: ServerEnd = {
      onData: () => undefined,
      onClose: () => undefined,
      write: (chunk) => this.#toClient(() => this.#emitOpen('data', chunk)),
      close: () => this.#toClient(() => this.destroy()),
    };
    this.#toServer(() => {
      if (this.#isDestroyed) return;
      if (accept(end)) {
        this.#end = end;
        this.#toClient(() => this.#emitOpen('connect'));
        return;
      }
      this.#toClient(() => {
        this.#emitOpen('error', new Error('connect ECONNREFUSED'));
        this.destroy();
      });
    });
  }

  /** Pings are sent when a connection was idle; these connections are not for long. */
  setTimeout(): this {
    return this;
  }

  write(chunk: Uint8Array): boolean {
    const copy = Buffer.from(chunk);
    if (!this.#isDestroyed) this.#toServer(() => this.#end?.onData(copy));
    return true;
  }

  destroy(): this {
    if (this.#isDestroyed) return this;
    this.#isDestroyed = true;
    this.#toServer(() => this.#end?.onClose());
    this.#clock.schedule(0, () => this.emit('close'));
    return this;
  }

  #toClient(act: () => void): void {
    this.#clock.schedule(latencyMs, act);
  }

  #toServer(act: () => void): void {
    this.#server.schedule(latencyMs, act);
  }

  #emitOpen(event: string, argument?: Buffer | Error): void {
    if (!this.#isDestroyed) this.emit(event, argument);
  }
}
