import type { QuorateError } from '../../base/quorate-error.ts';
import type { ClusterAnswer, EntryAnswer, LocateAnswer, PlainValue } from '../../client/answers.ts';
import { formatKey } from '../../config/key-spelling.ts';
import { formatHostPort } from '../../config/replicas-file.ts';
import { formatTime } from '../../runtime/format-time.ts';
import { describeError } from '../error-text.ts';
import { textOf } from '../key-value-output.ts';
import { shorten, visible } from '../shown-text.ts';
import { formatTable } from '../table.ts';

/** How the console shows answers and errors: from data to lines of text. Pure. */

/** A value on a line of its own. For people, control characters are shown and do nothing. */
export function formatValue(value: PlainValue, isForPeople: boolean): string {
  const text = textOf(value);
  return isForPeople ? visible(text) : text;
}

/** What one node holds. `entries` has one more than is shown if there is more. */
export function formatEntries(
  node: string,
  entries: readonly EntryAnswer[],
  shownMax: number,
): string {
  if (entries.length === 0) return `${node} holds nothing`;
  const shown = entries.slice(0, shownMax);
  const rows = shown.map(({ key, value, version, writeTimeMs, expireTimeMs, token }) => [
    visible(formatKey(key)),
    value === undefined ? '(deleted)' : shorten(visible(textOf(value))),
    version,
    timeOrNone(writeTimeMs),
    timeOrNone(expireTimeMs),
    token,
  ]);
  const title =
    shown.length < entries.length
      ? `${node} holds more than ${shownMax} keys; the first are`
      : `${node} holds ${shown.length === 1 ? '1 key' : `${shown.length} keys`}`;
  return `${title}\n${formatTable(['key', 'value', 'version', 'written', 'expires', 'token'], rows)}`;
}

function timeOrNone(realtimeMs: number | undefined): string {
  return realtimeMs === undefined ? '-' : formatTime(realtimeMs);
}

/** Where a key lives. */
export function formatLocation({ token, preferenceList, ringEpoch }: LocateAnswer): string {
  return `token ${token} on ${preferenceList.join(', ')} (ring epoch ${ringEpoch})`;
}

/** The cluster as the coordinator sees it. */
export function formatCluster(cluster: ClusterAnswer): readonly string[] {
  const rows = cluster.nodes.map((node) => [
    node.name,
    formatHostPort(node),
    node.liveness,
    node.tokensOwned,
    node.hintsWaiting,
    node.roundTripMs === undefined ? '-' : `${node.roundTripMs.toFixed(1)} ms`,
    node.problem,
  ]);
  return [
    `${cluster.node} of ${cluster.clusterName}: ${cluster.status}, clock ${cluster.clock}, mode ${cluster.mode}, ring epoch ${cluster.ringEpoch} (${cluster.partitioner}, ${cluster.replicationFactor} replicas)`,
    formatTable(['node', 'address', 'seen', 'tokens', 'hints', 'round trip', ''], rows),
  ];
}

/** What happened and what to do next. The first words are those of the system's first console. */
export function describeConsoleError(
  error: QuorateError,
  coordinator: string,
  isMoving: boolean,
): readonly string[] {
  const { code, details } = error;
  if (code === 'NOT_ENOUGH_REPLICAS') {
    const { required, alive, replicas } = details;
    const states = replicas === undefined ? '' : ` (${replicas})`;
    return [
      `Not enough replicas available: ${required} needed, ${alive} can be reached${states}`,
      'nothing was changed; a lower level may do, or try again later.',
    ];
  }
  if (code === 'CONNECTION_FAILED') {
    const unsure = error.mayHaveApplied ? ['the write may have been applied.'] : [];
    return [
      `${coordinator} does not answer (${connectionReason(error)})`,
      ...unsure,
      isMoving
        ? 'the next command goes through another node.'
        : 'the console stays with it and connects again by itself; "use" names another coordinator.',
    ];
  }
  return describeError(error).map((line) => visible(line.replace(/^quorate: /, '')));
}

/** Why there is no connection, in the words of the system if it has some. */
function connectionReason({ details, message }: QuorateError): string {
  const reason = String(details['reason'] ?? message);
  return /connect [A-Z]+ [^\s]*\w/.exec(reason)?.[0] ?? visible(reason);
}
