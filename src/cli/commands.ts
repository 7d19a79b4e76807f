import { benchCommand } from './bench-command.ts';
import { clusterCommand } from './cluster-command.ts';
import type { Command } from './command.ts';
import { echoCommand } from './echo-command.ts';
import { getCommand } from './get-command.ts';
import { putCommand } from './put-command.ts';
import { replicaCommand } from './replica-command.ts';

/** All commands, in the order of the help text. */
export const commands: readonly Command[] = [
  clusterCommand,
  replicaCommand,
  getCommand,
  putCommand,
  benchCommand,
  echoCommand,
];
