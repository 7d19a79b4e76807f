import { isLinearizable } from '../../src/consistency/consistency-level.ts';
import { parseVersion } from '../../src/record/version.ts';
import { problemsOf } from '../checkers/check-history.ts';
import type { Call } from '../checkers/history.ts';
import { backwardsIn, type Observation } from '../support/version-order.ts';

/**
 * A sentence for each call or key that breaks a promise: by the texts, which is what clients go by,
 * and by the versions, which show the order that the store believes in.
 */
export function violationsIn(calls: readonly Call[]): readonly string[] {
  const byKey = new Map<string, Call[]>();
  for (const call of calls) {
    const ofKey = byKey.get(call.key);
    if (ofKey === undefined) byKey.set(call.key, [call]);
    else ofKey.push(call);
  }
  const byVersion = [...byKey].flatMap(([key, ofKey]) =>
    [...backwardsIn(ofKey.flatMap(observation)), ...changedTexts(ofKey)].map(
      (problem) => `key ${key}: ${problem}`,
    ),
  );
  return [...problemsOf(calls), ...byVersion];
}

function observation(call: Call): readonly Observation[] {
  const { client: by, startMs, endMs, kind, level } = call;
  if (call.outcome !== 'ok' || endMs === undefined || !isLinearizable(level)) return [];
  const version = parseVersion(call.version);
  return [{ startMs, endMs, kind: kind === 'get' ? 'read' : 'write', version, by }];
}

/** A version has one text, whoever sees it and at whatever level. */
function changedTexts(calls: readonly Call[]): readonly string[] {
  const texts = new Map<string, string | undefined>();
  const problems: string[] = [];
  for (const { kind, outcome, text, version, client } of calls) {
    if (outcome !== 'ok' || version === '') continue;
    if (texts.has(version) && texts.get(version) !== text) {
      problems.push(`${kind} of ${version} by ${client} has ${text}, not ${texts.get(version)}`);
    }
    texts.set(version, text);
  }
  return problems;
}
