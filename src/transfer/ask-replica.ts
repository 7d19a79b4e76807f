import type { ReplicaDirectory } from '../coordinator/ports.ts';
import type { ReplicaReply, ReplicaRequest } from '../record/replica-messages.ts';
import type { Clock } from '../runtime/clock.ts';

const requestTimeoutMs = 10_000;

/** Asks a replica something that no client waits for. Settles with its reply, within about 10 s. */
export function askReplica(
  { clock, replicas }: { readonly clock: Clock; readonly replicas: ReplicaDirectory },
  node: string,
  request: ReplicaRequest,
): Promise<ReplicaReply> {
  const deadlineMs = clock.monotonicMs() + requestTimeoutMs;
  return new Promise((resolve) => {
    replicas.clientOf(node).send(request, deadlineMs, resolve, 'patient');
  });
}
