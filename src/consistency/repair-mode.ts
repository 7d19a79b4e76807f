/** What heals the replicas outside the quorum: the startup flag of a node. */

/** The modes, as the command line spells them. */
export const repairModes = ['READ-REPAIR', 'HINTED-HANDOFF', 'BOTH', 'NONE'] as const;

export type RepairMode = (typeof repairModes)[number];

/** Whether reads compare all live replicas and heal the stale ones, behind the answer. */
export function repairsReads(mode: RepairMode): boolean {
  return mode === 'READ-REPAIR' || mode === 'BOTH';
}

/** Whether writes that a replica missed are kept as hints for it. */
export function keepsHints(mode: RepairMode): boolean {
  return mode === 'HINTED-HANDOFF' || mode === 'BOTH';
}
