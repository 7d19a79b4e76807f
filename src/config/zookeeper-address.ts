import { QuorateError } from '../base/quorate-error.ts';
import { parseHost, parsePort } from './replicas-file.ts';

/** Where ZooKeeper is, as people write it: `host:port[,host:port][/root]`. */
export interface ZookeeperAddress {
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** The znode under which the cluster keeps its own. */
  readonly root: string;
}

const rootDefault = '/quorate';
/** ZooKeeper takes no relative names. */
const rootForm = /^(\/(?!\.\.?(\/|$))[A-Za-z0-9._-]+)+$/;

/** @throws QuorateError CONFIGURATION if the text is anything else. */
export function parseZookeeper(text: string): ZookeeperAddress {
  const slash = text.indexOf('/');
  const root = slash === -1 ? rootDefault : text.slice(slash);
  const servers = (slash === -1 ? text : text.slice(0, slash)).split(',').map(parseServer);
  const known = servers.filter((server) => server !== undefined);
  if (known.length === servers.length && rootForm.test(root)) {
    return { servers: known, root };
  }
  throw new QuorateError(
    'CONFIGURATION',
    { text },
    `"${text}" is not the address of a ZooKeeper: write host:port[,host:port][/root], for example 127.0.0.1:2181/quorate`,
  );
}

/**
 * The name and password of the cluster in ZooKeeper, as `user:password`.
 *
 * @throws QuorateError CONFIGURATION, which does not repeat the text.
 */
export function parseZookeeperAuth(text: string): string {
  if (/^[^:]+:.+$/.test(text)) return text;
  throw new QuorateError(
    'CONFIGURATION',
    {},
    'the name and password for ZooKeeper are written user:password',
  );
}

function parseServer(text: string): { host: string; port: number } | undefined {
  const colon = text.lastIndexOf(':');
  const port = parsePort(text.slice(colon + 1));
  const host = parseHost(text.slice(0, Math.max(colon, 0)));
  return port === undefined || host === undefined ? undefined : { host, port };
}
