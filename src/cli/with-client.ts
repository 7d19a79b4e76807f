import { BackupClient } from '../client/backup-client.ts';
import type { OnMoved } from '../client/cluster-client.ts';
import type { CoordinatorClient } from '../client/coordinator-finder.ts';
import { openClient, resolveTarget } from '../client/open-client.ts';
import { describeMove, nameOf, type TargetArgs, targetOf } from './target.ts';
import { say } from './terminal.ts';

/** Says when a node that was to be asked is not the one that is asked. */
const onMoved: OnMoved = (left, to) => {
  if (left.length > 0) say(`quorate: ${describeMove(left, to)}`);
};

/** Runs something with a client of whom the flags name, and closes it. */
export async function withClient<Result>(
  flags: TargetArgs & { readonly timeout: number },
  use: (client: CoordinatorClient) => Promise<Result>,
  whenMoved = onMoved,
): Promise<Result> {
  const client = openClient(targetOf(flags), { timeoutMs: flags.timeout, onMoved: whenMoved });
  try {
    await client.connect();
    return await use(client);
  } finally {
    client.close();
  }
}

/** The same for what is of one node only: which one is said, unless the flags do. */
export function withOneNode<Result>(
  flags: TargetArgs & { readonly timeout: number },
  use: (client: CoordinatorClient) => Promise<Result>,
): Promise<Result> {
  return withClient(flags, use, (left, to) => {
    onMoved(left, to);
    if (left.length === 0) say(`quorate: asking ${nameOf(to)}`);
  });
}

/** The same for the long calls to one node. */
export async function withBackupClient<Result>(
  flags: TargetArgs & { readonly timeout: number },
  use: (client: BackupClient, address: string) => Promise<Result>,
): Promise<Result> {
  const address = await oneNodeOf(targetOf(flags), flags.timeout);
  const client = new BackupClient(address);
  try {
    await client.connect(flags.timeout);
    return await use(client, address);
  } finally {
    client.close();
  }
}

/** One node of the target, as `host:port`. */
export function oneNodeOf(target: string, timeoutMs?: number): Promise<string> {
  return resolveTarget(target, { onMoved, ...(timeoutMs !== undefined && { timeoutMs }) });
}
