/**
 * How many of a key's replicas must answer. The level is turned into a number once, when a request
 * is planned; nothing after that asks for the level by name to count answers.
 */

/** The levels a client can ask for. */
export const consistencyLevels = ['ONE', 'TWO', 'THREE', 'QUORUM', 'ALL'] as const;

export type ConsistencyLevel = (typeof consistencyLevels)[number];

/** What a request without a level gets. */
export const defaultConsistencyLevel: ConsistencyLevel = 'QUORUM';

/** Reads a level in any case, or gives `undefined` if the text is none. */
export function parseConsistencyLevel(text: string): ConsistencyLevel | undefined {
  const upper = text.toUpperCase();
  return consistencyLevels.find((level) => level === upper);
}

/**
 * How many answers a level needs from `replicas` replicas (1 or more). The answer may be more than
 * there are: then the level can never be met on this ring.
 */
export function requiredAcks(level: ConsistencyLevel, replicas: number): number {
  switch (level) {
    case 'ONE':
      return 1;
    case 'TWO':
      return 2;
    case 'THREE':
      return 3;
    case 'QUORUM':
      return Math.floor(replicas / 2) + 1;
    case 'ALL':
      return replicas;
  }
}

/**
 * Whether the level's writes agree on a version with a quorum first and its reads spread what they
 * return: QUORUM and ALL, which are linearizable per key. The others trust clocks.
 */
export function isLinearizable(level: ConsistencyLevel): boolean {
  return level === 'QUORUM' || level === 'ALL';
}
