import { parseTarget } from '../config/target.ts';
import type { ZookeeperAddress } from '../config/zookeeper-address.ts';
import { clientConnections } from '../membership/zookeeper/zookeeper-connection.ts';
import { formatHostPort } from '../ring/node-address.ts';
import { SystemClock } from '../runtime/system-clock.ts';
import { SystemRandom } from '../runtime/system-random.ts';
import { timeoutMsDefault } from './call-times.ts';
import { ClusterClient, type ClusterClientOptions } from './cluster-client.ts';
import { type CoordinatorClient, CoordinatorFinder } from './coordinator-finder.ts';
import { NodeClient, type NodeClientOptions } from './node-client.ts';
import { ZookeeperNodes } from './zookeeper-nodes.ts';

/**
 * From a target to a client: of the node at `host:port`, or, for
 * `zookeeper://host:port[,host:port][/root]`, of the cluster that this ZooKeeper knows.
 */
export type OpenClientOptions = NodeClientOptions & Pick<ClusterClientOptions, 'onMoved'>;

/**
 * Makes a client; it connects at the first call.
 *
 * @throws QuorateError CONFIGURATION if the target is neither.
 */
export function openClient(target: string, options: OpenClientOptions = {}): CoordinatorClient {
  const parsed = parseTarget(target);
  if (parsed.kind === 'node') return new NodeClient(parsed.address, options);
  const { timeoutMs = timeoutMsDefault, onMoved } = options;
  const finder = finderOf(parsed.zookeeper, options);
  return new ClusterClient(finder, { timeoutMs, ...(onMoved && { onMoved }) });
}

/**
 * Where one node of the target is, as `host:port`; a node that was found in ZooKeeper has just
 * accepted a connection.
 *
 * @throws QuorateError CONFIGURATION, NO_COORDINATOR
 */
export async function resolveTarget(
  target: string,
  options: OpenClientOptions = {},
): Promise<string> {
  const parsed = parseTarget(target);
  if (parsed.kind === 'node') return parsed.address;
  const left: Parameters<CoordinatorFinder['find']>[1] = [];
  const finder = finderOf(parsed.zookeeper, options);
  const { node, client } = await finder.find(options.timeoutMs ?? timeoutMsDefault, left);
  client.close();
  options.onMoved?.(left, node);
  return formatHostPort(node);
}

function finderOf(zookeeper: ZookeeperAddress, options: NodeClientOptions): CoordinatorFinder {
  const machine = { clock: new SystemClock(), random: new SystemRandom() };
  return new CoordinatorFinder({
    ...machine,
    nodes: new ZookeeperNodes({ ...machine, connect: clientConnections() }, zookeeper),
    open: (address) => new NodeClient(address, options),
  });
}
