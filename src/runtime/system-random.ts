import { randomBytes } from 'node:crypto';
import type { Random } from './random.ts';

/** Chance from the machine. */
export class SystemRandom implements Random {
  fraction(): number {
    return Math.random();
  }

  uint64(): bigint {
    return randomBytes(8).readBigUInt64BE();
  }
}
