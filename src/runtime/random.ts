/** Chance as everything but `runtime/` sees it, so that a seed can replay it. */
export interface Random {
  /** A number from 0 up to, not including, 1. */
  fraction(): number;
  /** 64 random bits that no other process will draw. */
  uint64(): bigint;
}
