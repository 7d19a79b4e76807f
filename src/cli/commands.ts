import { benchCommand } from './bench/bench-command.ts';
import { clusterCommand } from './cluster-command.ts';
import type { Command } from './command.ts';
import { consoleCommand } from './console/console-command.ts';
import { deleteCommand } from './delete-command.ts';
import { echoCommand } from './echo-command.ts';
import { entriesCommand } from './entries-command.ts';
import { exportCommand } from './export-command.ts';
import { getCommand } from './get-command.ts';
import { hintsCommand } from './hints-command.ts';
import { importCommand } from './import-command.ts';
import { locateCommand } from './locate-command.ts';
import { pingCommand } from './ping-command.ts';
import { putCommand } from './put-command.ts';
import { replicaCommand } from './replica-command.ts';
import { ringCommand } from './ring-command.ts';
import { rpcCommand } from './rpc-command.ts';
import { snapshotCommand } from './snapshot-command.ts';
import { statusCommand } from './status-command.ts';

/** All commands, in the order of the help text. */
export const commands: readonly Command[] = [
  clusterCommand,
  replicaCommand,
  consoleCommand,
  getCommand,
  putCommand,
  deleteCommand,
  locateCommand,
  statusCommand,
  ringCommand,
  hintsCommand,
  entriesCommand,
  pingCommand,
  snapshotCommand,
  exportCommand,
  importCommand,
  rpcCommand,
  benchCommand,
  echoCommand,
];
