import type { Random } from '../../../runtime/random.ts';

/** Which keys a load touches, and how often. */
export const distributions = ['uniform', 'zipf'] as const;

export type Distribution = (typeof distributions)[number];

/** As in YCSB: of 1,000 keys the first gets an eighth of the calls. */
const zipfExponent = 0.99;

/** Chooses keys by number, from 0 up to, not including, `count`: all alike, or the first most. */
export function chooseKeys(
  random: Random,
  distribution: Distribution,
  count: number,
): () => number {
  if (distribution === 'zipf') return chooseByZipf(random, count);
  return () => Math.floor(random.fraction() * count);
}

/**
 * The key of rank r is chosen about r^-0.99 as often as the first. After Gray et al., "Quickly
 * generating billion-record synthetic databases" (1994): one pass over the keys here, a few sums
 * for each choice.
 */
function chooseByZipf(random: Random, count: number): () => number {
  let zeta = 0;
  for (let rank = 1; rank <= count; rank++) zeta += rank ** -zipfExponent;
  const second = 0.5 ** zipfExponent;
  const exponent = 1 / (1 - zipfExponent);
  const eta = (1 - (2 / count) ** (1 - zipfExponent)) / (1 - (1 + second) / zeta);
  return () => {
    const fraction = random.fraction();
    const scaled = fraction * zeta;
    if (scaled < 1 || count === 1) return 0;
    if (scaled < 1 + second || count === 2) return 1;
    return Math.min(Math.floor(count * (eta * fraction - eta + 1) ** exponent), count - 1);
  };
}

/**
 * The key of a number. First bytes, and with them tokens, go round the ring, and neighbours in
 * number are none on the ring: 151 has no factor in common with 256.
 */
export function benchKey(index: number): Buffer {
  const key = Buffer.from(`\0:bench:${String(index).padStart(6, '0')}`);
  key[0] = (index * 151) % 256;
  return key;
}
