import type { Socket } from 'node:net';
import type { Clock, Timer } from '../runtime/clock.ts';

/** What happens to the bytes of one direction now; shared by all its connections. */
export interface Weather {
  /** Bytes and ends of connections wait. */
  isHeld: boolean;
  /** How long each byte takes. */
  delayMs: number;
}

/** More than this does not wait here: the sender feels it, as it would in a real network. */
const waitingBytesMax = 4 * 1024 * 1024;

interface Piece {
  readonly dueMs: number;
  /** `undefined`: the sender has closed. */
  readonly bytes: Buffer | undefined;
}

/** One direction of one connection, in order: what comes in goes out at once, later or not yet. */
export class HeldPipe {
  readonly #clock: Clock;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #weather: Weather;
  readonly #waiting: Piece[] = [];
  #waitingBytes = 0;
  #isClosed = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, source: Socket, target: Socket, weather: Weather) {
    this.#clock = clock;
    this.#source = source;
    this.#target = target;
    this.#weather = weather;
    source.on('data', (bytes) => this.#add(bytes));
    source.on('close', () => this.#add(undefined));
    target.on('drain', () => this.pump());
  }

  /** Sends what may go now; to be called when the weather has changed. */
  pump(): void {
    this.#timer?.cancel();
    while (!this.#weather.isHeld && this.#target.writableLength < waitingBytesMax) {
      const [next] = this.#waiting;
      if (next === undefined) {
        if (this.#source.isPaused()) this.#source.resume();
        return;
      }
      const waitMs = next.dueMs - this.#clock.monotonicMs();
      if (waitMs > 0) {
        this.#timer = this.#clock.schedule(waitMs, () => this.pump());
        return;
      }
      this.#waiting.shift();
      this.#send(next.bytes);
    }
  }

  /** Forgets what waits, and all that follows. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#waiting.length = 0;
  }

  #add(bytes: Buffer | undefined): void {
    if (this.#isClosed) return;
    this.#waiting.push({ dueMs: this.#clock.monotonicMs() + this.#weather.delayMs, bytes });
    this.#waitingBytes += bytes?.length ?? 0;
    if (this.#waitingBytes > waitingBytesMax) this.#source.pause();
    this.pump();
  }

  #send(bytes: Buffer | undefined): void {
    this.#waitingBytes -= bytes?.length ?? 0;
    if (this.#target.destroyed) return;
    if (bytes === undefined) this.#target.end();
    else this.#target.write(bytes);
  }
}
