import type { ExplanationAnswer } from '../client/answers.ts';
import { formatTable } from './table.ts';

/** Which replicas said what, in lines. `version` is that of the answer. */
export function formatExplanation(
  explanation: ExplanationAnswer,
  version: string,
): readonly string[] {
  const { coordinator, ringEpoch, token, consistency, required, received } = explanation;
  const { writeBacks, repairsStarted, hintsStarted, isSuperseded } = explanation;
  const rows = explanation.replicas.map((replica) => [
    replica.node,
    replica.isHinted ? `${replica.state}, hinted` : replica.state,
    replica.version === '' ? '-' : replica.version,
    replica.state === 'answered' ? `${replica.milliseconds.toFixed(1)} ms` : '-',
    replica.state === 'answered' && replica.version !== version ? 'differs' : '',
  ]);
  const end = isSuperseded ? '; superseded by a newer write' : '';
  return [
    `coordinator ${coordinator}, ring epoch ${ringEpoch}, token ${token}; ${consistency} needs ${required}, had ${received}${end}`,
    formatTable(['replica', 'state', 'version', 'after', ''], rows),
    `write-backs ${writeBacks}, repairs started ${repairsStarted}, hints started ${hintsStarted}`,
  ];
}
