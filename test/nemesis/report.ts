import { formatTable } from '../../src/cli/table.ts';
import type { TimedCall } from './load.ts';

/** What a run came to: one row for each kind of time, all figures of calls at QUORUM. */
export interface Row {
  readonly calls: number;
  /** Answered, by the first coordinator or by one other. */
  readonly ok: number;
  /** Writes that may have happened; no success. */
  readonly uncertain: number;
  readonly failed: number;
  readonly successPercent: number;
  /** Of the calls that are ok, from when they were due. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A time in which something was going on. */
export interface Phase {
  readonly kind: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Whether a node or ZooKeeper is faulty, on purpose and without warning or with. */
  readonly isFault: boolean;
}

export interface Report {
  readonly seed: number;
  readonly seconds: number;
  readonly membership: 'static' | 'zookeeper';
  /** How often each kind of fault befell the cluster. */
  readonly faults: Readonly<Record<string, number>>;
  /** By kind of fault; `healthy` is the rest of the time. */
  readonly rows: Readonly<Record<string, Row>>;
  /** Calls at QUORUM while a node was faulty, those that were open when it began included. */
  readonly whileFaulty: Row;
  /** Calls while all nodes were restarted in turn. */
  readonly rolling: Row | undefined;
  readonly atOtherLevels: Row;
  /** Why calls at QUORUM had no success: what the coordinators said, and how often. */
  readonly losses: Readonly<Record<string, number>>;
  readonly all: Row;
  /** What nodes still owed each other at the end. */
  readonly owed: readonly string[];
  /** Keys that were not the same on all their replicas at the end. */
  readonly differing: readonly string[];
  readonly unread: readonly string[];
  readonly violations: readonly string[];
}

export const rollingKind = 'rolling restart';
/** A call that never ended was open for about so long. */
const openMsOfUncertain = 2_000;
const sentencesShown = 20;

/** Counts the calls of each phase. A call that two phases touch counts in the first of them. */
export function rowsOf(calls: readonly TimedCall[], phases: readonly Phase[]) {
  const atQuorum = calls.filter(({ level }) => level === 'QUORUM');
  const byKind = new Map<string, TimedCall[]>([['healthy', []]]);
  for (const { kind } of phases) byKind.set(kind, []);
  const faulty: TimedCall[] = [];
  for (const call of atQuorum) {
    const endMs = call.endMs ?? call.startMs + openMsOfUncertain;
    const phase = phases.find((one) => one.startMs <= endMs && call.dueMs <= one.endMs);
    byKind.get(phase?.kind ?? 'healthy')?.push(call);
    if (phase?.isFault === true) faulty.push(call);
  }
  const losses: Record<string, number> = {};
  for (const { outcome, kind, errors } of atQuorum) {
    if (outcome === 'ok') continue;
    const why = `${outcome} ${kind}: ${errors.join(', then ')}`;
    losses[why] = (losses[why] ?? 0) + 1;
  }
  const rolling = byKind.get(rollingKind);
  return {
    rows: Object.fromEntries([...byKind].map(([kind, ofKind]) => [kind, rowOf(ofKind)])),
    whileFaulty: rowOf(faulty),
    rolling: rolling && rowOf(rolling),
    losses,
    atOtherLevels: rowOf(calls.filter(({ level }) => level !== 'QUORUM')),
    all: rowOf(calls),
  };
}

function rowOf(calls: readonly TimedCall[]): Row {
  const count = (outcome: TimedCall['outcome']) =>
    calls.filter((call) => call.outcome === outcome).length;
  const ok = calls.filter(({ outcome }) => outcome === 'ok');
  const latencies = Float64Array.from(ok, ({ dueMs, endMs = dueMs }) => endMs - dueMs).sort();
  const at = (part: number) => rounded(latencies[Math.floor((latencies.length - 1) * part)] ?? 0);
  return {
    calls: calls.length,
    ok: ok.length,
    uncertain: count('uncertain'),
    failed: count('failed'),
    successPercent: calls.length === 0 ? 100 : (ok.length * 100) / calls.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** What is wrong with a run, a sentence each. */
export function problemsOf(report: Report, successPercentMin: number): readonly string[] {
  const { whileFaulty, rolling, violations, owed, differing, unread } = report;
  const problems: string[] = [];
  const say = (isWrong: boolean, sentence: string) => {
    if (isWrong) problems.push(sentence);
  };
  say(violations.length > 0, `${violations.length} violations`);
  say(
    whileFaulty.successPercent < successPercentMin,
    `${percent(whileFaulty)} % of the calls at QUORUM succeeded while a node was faulty, not ${successPercentMin} %`,
  );
  const lost = rolling === undefined ? 0 : rolling.uncertain + rolling.failed;
  say(lost > 0, `${lost} calls were lost in a rolling restart`);
  say(unread.length > 0, `${unread.length} keys cannot be read at the end`);
  say(owed.length > 0, `${owed.length} nodes are owed something at the end`);
  say(differing.length > 0, `${differing.length} keys differ between their replicas at the end`);
  return problems;
}

/** For people. */
export function formatReport(report: Report): string {
  const { rows, faults, violations, owed, differing } = report;
  const line = (name: string, row: Row) => [
    name,
    row.calls,
    row.ok,
    row.uncertain,
    row.failed,
    percent(row),
    row.p50Ms.toFixed(1),
    row.p99Ms.toFixed(1),
    row.maxMs.toFixed(0),
  ];
  const named = Object.entries(rows).map(([kind, row]) =>
    line(faults[kind] === undefined ? kind : `${kind} x${faults[kind]}`, row),
  );
  const table = formatTable(
    ['at QUORUM', 'calls', 'ok', 'uncertain', 'failed', 'ok %', 'p50 ms', 'p99 ms', 'max ms'],
    [
      ...named,
      line('while faulty', report.whileFaulty),
      line('at ALL and ONE', report.atOtherLevels),
      line('all calls', report.all),
    ],
  );
  return [
    `seed ${report.seed}, ${report.seconds.toFixed(0)} s, ${report.membership} membership`,
    table,
    `violations ${violations.length}, owed at the end ${owed.length}, keys that differ ${differing.length}`,
    ...Object.entries(report.losses)
      .sort(([, left], [, right]) => right - left)
      .slice(0, sentencesShown)
      .map(([why, count]) => `${String(count).padStart(6)}  ${why}`),
    ...[...violations, ...owed, ...differing]
      .slice(0, sentencesShown)
      .map((sentence) => `  ${sentence}`),
    '',
  ].join('\n');
}

/** Down, so that 99.9 is not said of less. */
function percent({ successPercent }: Row): string {
  return (Math.floor(successPercent * 1_000) / 1_000).toFixed(3);
}
