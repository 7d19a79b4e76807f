import { clusterCommand } from './cluster-command.ts';
import type { Command } from './command.ts';
import { getCommand } from './get-command.ts';
import { putCommand } from './put-command.ts';
import { replicaCommand } from './replica-command.ts';

/** All commands, in the order of the help text. */
export const commands: readonly Command[] = [
  clusterCommand,
  replicaCommand,
  getCommand,
  putCommand,
];
