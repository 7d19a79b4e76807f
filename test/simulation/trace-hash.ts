/** A hash of everything that happened in a run, in order (FNV-1a, twice with other beginnings). */
export class TraceHash {
  #left = 0x811c9dc5;
  #right = 0x1b873593;

  add(event: string): void {
    for (let index = 0; index < event.length; index++) {
      const code = event.charCodeAt(index);
      this.#left = Math.imul(this.#left ^ code, 16_777_619);
      this.#right = Math.imul(this.#right ^ code, 0x5bd1e995);
    }
  }

  get hash(): string {
    return [this.#left, this.#right]
      .map((part) => (part >>> 0).toString(16).padStart(8, '0'))
      .join('');
  }
}
