import { parseVersion } from '../../src/record/version.ts';
import type { Call } from '../checkers/history.ts';
import { backwardsIn, type Observation } from '../support/version-order.ts';

const strong: readonly string[] = ['QUORUM', 'ALL'];

/** Returns a sentence for each call that breaks what its level promises. */
export function violationsIn(calls: readonly Call[]): readonly string[] {
  const byKey = new Map<string, Call[]>();
  for (const call of calls) {
    const ofKey = byKey.get(call.key);
    if (ofKey === undefined) byKey.set(call.key, [call]);
    else ofKey.push(call);
  }
  return [...byKey].flatMap(([key, ofKey]) =>
    [...backwardsIn(ofKey.flatMap(observation)), ...textProblems(ofKey)].map(
      (problem) => `${key}: ${problem}`,
    ),
  );
}

function observation(call: Call): readonly Observation[] {
  const { client: by, startMs, endMs, kind } = call;
  if (call.outcome !== 'ok' || endMs === undefined || !strong.includes(call.level)) return [];
  const version = parseVersion(call.version);
  return [{ startMs, endMs, kind: kind === 'get' ? 'read' : 'write', version, by }];
}

/** A version has one text, and what is read was written before, by a write that did not fail. */
function textProblems(calls: readonly Call[]): readonly string[] {
  const puts = new Map(
    calls.filter(({ kind }) => kind === 'put').map((call) => [call.text ?? '', call] as const),
  );
  const texts = new Map<string, string | undefined>();
  const problems: string[] = [];
  for (const { kind, outcome, text, version, client, endMs = 0 } of calls) {
    if (outcome !== 'ok' || version === '') continue;
    const words = `${kind} of ${version} by ${client}`;
    if (texts.has(version) && texts.get(version) !== text) {
      problems.push(`${words} has ${text}, not ${texts.get(version)}`);
    }
    texts.set(version, text);
    const put = puts.get(text ?? '');
    if (kind !== 'get' || text === undefined) continue;
    if (put === undefined) problems.push(`${words} has ${text}, which nobody wrote`);
    else if (put.outcome === 'failed') problems.push(`${words} has ${text}, whose put failed`);
    else if (put.startMs > endMs) problems.push(`${words} has ${text} before its put began`);
    else if (put.outcome === 'ok' && put.version !== version) {
      problems.push(`${words} has ${text}, which was put as ${put.version}`);
    }
  }
  return problems;
}
