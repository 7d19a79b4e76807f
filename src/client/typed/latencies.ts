/**
 * How long reads took lately, as a histogram whose classes grow by a twelfth each; old ones lose
 * weight. Says after how long a read is slow.
 */
export class Latencies {
  readonly #counts = new Float64Array(classes);
  #sum = 0;
  #sinceLook = 0;
  #slowMs: number | undefined;

  add(ms: number): void {
    const index = Math.ceil(Math.log2(Math.max(ms, shortestMs) / shortestMs) * classesPerDouble);
    const clipped = Math.min(index, classes - 1);
    this.#counts[clipped] = (this.#counts[clipped] ?? 0) + 1;
    this.#sum++;
    if (++this.#sinceLook >= lookEvery) this.#look();
  }

  /** What all but the slowest twentieth stay below; `undefined` while too few are known. */
  get slowMs(): number | undefined {
    return this.#slowMs;
  }

  #look(): void {
    this.#sinceLook = 0;
    let above = this.#sum / 20;
    let index = classes;
    while (above > 0 && index > 0) above -= this.#counts[--index] ?? 0;
    this.#slowMs = shortestMs * 2 ** (index / classesPerDouble);
    if (this.#sum < forgetAbove) return;
    this.#sum = 0;
    for (const [at, count] of this.#counts.entries()) {
      this.#counts[at] = count / 2;
      this.#sum += count / 2;
    }
  }
}

const shortestMs = 0.1;
/** Up to half a minute. */
const classes = 160;
const classesPerDouble = 8.66;
const lookEvery = 100;
const forgetAbove = 4_000;
