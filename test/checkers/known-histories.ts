/**
 * Small histories whose verdict is known from elsewhere: textbook registers as checkers of
 * linearizability show them in their manuals, and anomalies as they were reported of stores that
 * were tested under faults. Each is told from its description. The form is that of `callsOf`.
 */
export interface KnownHistory {
  readonly name: string;
  readonly lines: string;
  /** Whether QUORUM and ALL explain it, by texts alone. */
  readonly isLinearizable: boolean;
  /** A word of each problem that is found, in order; none if the levels admit what is shown. */
  readonly problems: readonly string[];
}

const contradiction = 'not linearizable';

export const knownHistories: readonly KnownHistory[] = [
  {
    name: 'a get during a put sees the value before it or the new one',
    lines: `
      a 0-10 put 100
      b 15-60 put 200
      c 20-30 get 100
      d 40-50 get 200`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'two gets during one put, the second of which goes back',
    lines: `
      a 0-100 put 200
      b 10-30 get 200
      c 40-60 get nothing`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'two gets during one put that overlap each other may be the other way round',
    lines: `
      a 0-100 put 200
      b 10-50 get 200
      c 40-60 get nothing`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'two puts that overlap are seen in one order by one reader',
    lines: `
      a 0-10 put x
      b 0-10 put y
      c 20-30 get y
      c 40-50 get y`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'two puts that overlap are seen in two orders by two readers',
    lines: `
      a 0-90 put x
      b 0-90 put y
      c 10-20 get x
      c 30-40 get y
      d 50-60 get x`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a value that a put of the same moment leaves is seen at that moment',
    lines: `
      a 0-10 put x
      b 10-20 get nothing`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a value whose last read begins when the put of the next one ends',
    lines: `
      a 0-10 put x
      b 15-20 put y
      c 20-30 get x
      d 40-50 get y`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a value whose last read begins after the put of the next one has ended',
    lines: `
      a 0-10 put x
      b 15-20 put y
      c 21-30 get x
      d 40-50 get y`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a delete that begins when a put ends whose value stays',
    lines: `
      a 0-10 put x
      b 10-20 delete
      c 40-50 get x`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a stale read from a leader that was cut off and did not know it',
    lines: `
      w 0-10 put 1 v1
      w 20-30 put 2 v2
      r 40-50 get 1 v1`,
    isLinearizable: false,
    problems: ['get QUORUM ok "1" v1 after', contradiction],
  },
  {
    name: 'a stale read where no version is told',
    lines: `
      w 0-10 put 1
      w 20-30 put 2
      r 40-50 get 1`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'an acknowledged write that the other side of a split forgets',
    lines: `
      w 0-10 put 1 v1
      w 20-30 put 2 v2
      r 40-50 get 2 v2
      r 60-70 get 1 v1
      s 80-90 get 1 v1`,
    isLinearizable: false,
    problems: ['get QUORUM ok "1" v1 after', 'get QUORUM ok "1" v1 after', contradiction],
  },
  {
    name: 'an update that is lost because the clock of its node is behind',
    lines: `
      w 0-10 put 1 v2
      x 20-30 put 2 v1
      r 40-50 get 1 v2`,
    isLinearizable: false,
    problems: ['put QUORUM ok "2" v1 after', contradiction],
  },
  {
    name: 'a write of unknown outcome that takes effect long after its client gave up',
    lines: `
      w 0-10 put 1
      x 20-? put 2
      r 40-50 get 1
      r 900-950 get 2`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a write of unknown outcome that is seen and disappears again',
    lines: `
      w 0-10 put 1
      x 20-? put 2
      r 40-50 get 2
      r 60-70 get 1`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a write of unknown outcome that takes effect twice',
    lines: `
      x 0-? put 1
      r 10-20 get 1
      w 30-40 put 2
      r 50-60 get 2
      r 70-80 get 1`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a write of unknown outcome that takes effect before it began',
    lines: `
      r 0-10 get 1
      x 20-? put 1`,
    isLinearizable: false,
    problems: ['its put began later', contradiction],
  },
  {
    name: 'values that go back and forth',
    lines: `
      w 0-10 put 1 v1
      x 20-30 put 2 v2
      r 40-50 get 2 v2
      r 60-70 get 1 v1
      r 80-90 get 2 v2`,
    isLinearizable: false,
    problems: ['get QUORUM ok "1" v1 after', contradiction],
  },
  {
    name: 'a write that was refused and is there',
    lines: `
      w 0-10 put 1
      x 20-30 put 2 failed
      r 40-50 get 2`,
    isLinearizable: false,
    problems: ['its put failed', contradiction],
  },
  {
    name: 'a text that nobody wrote',
    lines: `
      w 0-10 put 1
      r 40-50 get 3 ONE`,
    isLinearizable: true,
    problems: ['nobody wrote that'],
  },
  {
    name: 'a deleted value that comes back',
    lines: `
      w 0-10 put 1
      w 20-30 delete
      r 40-50 get nothing
      r 60-70 get 1`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a delete of unknown outcome that happens between two reads, but once only',
    lines: `
      w 0-10 put 1
      d 20-? delete
      r 40-50 get nothing
      w 60-70 put 2
      r 80-90 get nothing`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'two deletes of unknown outcome of which each explains one absence',
    lines: `
      w 0-10 put 1
      d 20-? delete
      e 20-? delete
      r 40-50 get nothing
      w 60-70 put 2
      r 80-90 get nothing`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'an absence that a floor answers, long after the delete',
    lines: `
      w 0-10 put 1 v1-n
      d 20-30 delete v2-n
      r 40-50 get nothing v2-n
      r 900-950 get nothing v5-!
      w 960-970 put 2 v6-n
      r 980-990 get 2 v6-n`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a floor that hides what was written after it was raised',
    lines: `
      r 0-10 get nothing v5-!
      w 20-30 put 2 v6-n
      r 40-50 get nothing v5-!`,
    isLinearizable: false,
    problems: ['absent v5-! after', contradiction],
  },
  {
    name: 'a value that expires, and reads that disagree about it at that time',
    lines: `
      w 0-10 put 1 expires=1000
      r 100-110 get 1
      r 600-610 get nothing
      s 700-710 get 1
      r 1400-1410 get 1
      s 1450-1460 get nothing
      r 2000-2010 get nothing`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a value that is gone before its time',
    lines: `
      w 0-10 put 1 expires=1000
      r 400-410 get nothing`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a value that is there after its time',
    lines: `
      w 0-10 put 1 expires=1000
      r 1600-1610 get 1`,
    isLinearizable: false,
    problems: ['it expired at 1000', contradiction],
  },
  {
    name: 'an expired value that uncovers what it replaced',
    lines: `
      w 0-10 put 1
      w 20-30 put 2 expires=1000
      r 2000-2010 get 1`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a put of unknown outcome that nobody saw before it expired explains an absence',
    lines: `
      w 0-10 put 1
      x 20-? put 2 expires=1000
      r 30-40 get 1
      r 900-910 get nothing`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a put of unknown outcome that expires explains an absence, but once only',
    lines: `
      w 0-10 put 1
      x 20-? put 2 expires=1000
      r 900-910 get nothing
      w 920-930 put 3
      r 940-950 get nothing`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a value that is gone at its time, and was so before it as well',
    lines: `
      w 0-10 put 1 expires=1000
      r 400-410 get nothing
      r 900-910 get nothing`,
    isLinearizable: false,
    problems: [contradiction],
  },
  {
    name: 'a slow put of a value that expires explains a late absence, though not an early one',
    lines: `
      x 0-600 put 1 expires=1000
      w 1-3 put 2
      r 4-5 get 2
      w 6-8 delete
      r 9-12 get nothing
      w 20-22 put 3
      r 24-25 get 3
      r 900-910 get nothing`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a weak put that is seen by some reads only later, like one of unknown outcome',
    lines: `
      w 0-10 put 1 v1
      x 20-30 put 2 ONE v2
      r 40-50 get 1 v1
      r 60-70 get 2 v2`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a weak put that QUORUM has seen and then not',
    lines: `
      w 0-10 put 1 v1
      x 20-30 put 2 ONE v2
      r 40-50 get 2 v2
      r 60-70 get 1 v1`,
    isLinearizable: false,
    problems: ['get QUORUM ok "1" v1 after', contradiction],
  },
  {
    name: 'a weak put that loses against an older one with a newer version',
    lines: `
      w 0-10 put 1 v2
      x 20-30 put 2 ONE v1
      r 40-50 get 1 ALL v2`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'an acknowledged weak put that a read of all replicas misses',
    lines: `
      w 0-10 put 1 v1
      x 20-30 put 2 ONE v2
      r 40-50 get 1 ALL v1`,
    isLinearizable: true,
    problems: ['staleRead'],
  },
  {
    name: 'a put at ALL that a weak read misses',
    lines: `
      w 0-10 put 1 ALL v1
      w 20-30 put 2 ALL v2
      r 40-50 get 1 ONE v1`,
    isLinearizable: true,
    problems: ['staleRead'],
  },
  {
    name: 'weak reads that flicker while a put at ALL is in flight',
    lines: `
      w 0-10 put 1 ALL v1
      w 20-90 put 2 ALL v2
      r 30-40 get 2 ONE v2
      r 50-60 get 1 ONE v1
      r 70-80 get 2 ONE v2`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'a put at QUORUM that a weak read misses',
    lines: `
      w 0-10 put 1 v1
      r 20-30 get nothing ONE`,
    isLinearizable: true,
    problems: [],
  },
  {
    name: 'one version with two texts',
    lines: `
      w 0-10 put 1 v1
      x 0-10 put 2 v1
      r 20-30 get 2 v1`,
    isLinearizable: true,
    problems: ['"2" v1: the version of', 'its version holds "1"', 'its version holds "1"'],
  },
];
