import type { Clock } from '../runtime/clock.ts';

/**
 * Says on stderr how far a long command is: on a terminal one line with a bar that changes, else a
 * line every five seconds.
 */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const terminalEveryMs = 100;
const lineEveryMs = 5_000;
const barWidth = 24;
const clearLine = '\r\u001b[2K';

export class ProgressLine {
  readonly #clock: Clock;
  readonly #stream: ProgressStream;
  readonly #name: string;
  readonly #startMs: number;
  #nextMs: number;

  /** @param name of the command, at the beginning of each line. */
  constructor(
    components: { readonly clock: Clock; readonly stream: ProgressStream },
    name: string,
  ) {
    this.#clock = components.clock;
    this.#stream = components.stream;
    this.#name = name;
    this.#startMs = this.#clock.monotonicMs();
    this.#nextMs = this.#stream.isTTY ? this.#startMs : this.#startMs + lineEveryMs;
  }

  /**
   * Shows how much is done, if it is time to.
   *
   * @param unit such as `keys`.
   * @param part of all that there is to do, from 0 to 1, if that is known.
   */
  show(done: number, unit: string, part?: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + (this.#stream.isTTY ? terminalEveryMs : lineEveryMs);
    const seconds = Math.max(nowMs - this.#startMs, 1) / 1_000;
    const rate = `${formatCount(done / seconds)} a second`;
    const text = `${this.#name}: ${this.#bar(part)}${formatCount(done)} ${unit}, ${rate}`;
    this.#stream.write(this.#stream.isTTY ? `${clearLine}${text}` : `${text}\n`);
  }

  /** Leaves no bar behind. */
  close(): void {
    if (this.#stream.isTTY) this.#stream.write(clearLine);
  }

  #bar(part: number | undefined): string {
    if (part === undefined) return '';
    const percent = `${Math.floor(part * 100)}%`.padStart(4);
    if (!this.#stream.isTTY) return `${percent.trim()}, `;
    const filled = Math.round(part * barWidth);
    return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]${percent}  `;
  }
}

/** A number for people. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
