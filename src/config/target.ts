import { parseHostPort } from './host-port.ts';
import { parseZookeeper, type ZookeeperAddress } from './zookeeper-address.ts';

/**
 * Whom a client asks: one node, as `host:port`, or the nodes that a ZooKeeper knows, as
 * `zookeeper://host:port[,host:port][/root]`.
 */
export type Target =
  | { readonly kind: 'node'; readonly address: string }
  | { readonly kind: 'zookeeper'; readonly zookeeper: ZookeeperAddress };

/** What a target that is looked up in ZooKeeper begins with. */
export const zookeeperScheme = 'zookeeper://';

/** @throws QuorateError CONFIGURATION if the text is neither. */
export function parseTarget(text: string): Target {
  return text.startsWith(zookeeperScheme)
    ? { kind: 'zookeeper', zookeeper: parseZookeeper(text.slice(zookeeperScheme.length)) }
    : { kind: 'node', address: parseHostPort(text) };
}
