/**
 * Values by numbers that only grow, of which few are there at once: an array from the smallest that
 * is left on. A hash table would be built anew all the time, and its old tables, once they are old
 * garbage, keep the values of thousands of requests alive.
 */
export class SequenceMap<Value> {
  #values: (Value | undefined)[] = [];
  /** The number of the first place of the array. */
  #base = 0;
  /** How many places at its begin are empty. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(number: number): Value | undefined {
    return this.#values[number - this.#base];
  }

  /** @param number greater than all before it, unless it is empty. */
  set(number: number, value: Value): void {
    if (this.#size === 0) this.#restart(number);
    while (this.#values.length < number - this.#base) this.#values.push(undefined);
    this.#values.push(value);
    this.#size++;
  }

  /** Takes a value out. */
  delete(number: number): void {
    const index = number - this.#base;
    if (this.#values[index] === undefined) return;
    this.#values[index] = undefined;
    this.#size--;
    const { length } = this.#values;
    while (this.#head < length && this.#values[this.#head] === undefined) this.#head++;
    if (this.#head < trimmedMin || this.#head * 2 < length) return;
    this.#values.splice(0, this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }

  /** What is there now, in the order of the numbers. */
  entries(): readonly (readonly [number: number, value: Value])[] {
    return this.#values.flatMap((value, index) =>
      value === undefined ? [] : [[this.#base + index, value] as const],
    );
  }

  /** Begins anew at a number, unless that would cost more than it saves. */
  #restart(base: number): void {
    const { length } = this.#values;
    if (base >= this.#base + length && length < trimmedMin) return;
    this.#values = [];
    this.#base = base;
    this.#head = 0;
  }
}

/** Fewer empty places are not worth moving the others for. */
const trimmedMin = 1_024;
