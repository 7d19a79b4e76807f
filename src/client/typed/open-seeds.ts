import { formatHostPort } from '../../ring/node-address.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import type { ConnectionString } from './connection-string.ts';
import type { Seeds } from './seeds.ts';

/** The seeds that a connection string names. What only ZooKeeper needs is loaded only for it. */
export async function openSeeds(
  machine: { readonly clock: Clock; readonly random: Random },
  seeds: ConnectionString['seeds'],
): Promise<Seeds> {
  if (seeds.kind === 'nodes') {
    const listed = seeds.addresses.map((address) => ({ address }));
    return { list: async () => listed };
  }
  const { ZookeeperNodes } = await import('../zookeeper-nodes.ts');
  const { clientConnections } = await import('../../membership/zookeeper/zookeeper-connection.ts');
  const nodes = new ZookeeperNodes({ ...machine, connect: clientConnections() }, seeds.zookeeper);
  return {
    list: async (timeoutMs) => {
      const listed = await nodes.list(timeoutMs);
      return listed.map((node) => ({ name: node.name, address: formatHostPort(node) }));
    },
  };
}
