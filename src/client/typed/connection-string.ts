import { QuorateError } from '../../base/quorate-error.ts';
import { parseDuration } from '../../config/duration.ts';
import { parseHostPort } from '../../config/host-port.ts';
import { zookeeperScheme } from '../../config/target.ts';
import { parseZookeeper, type ZookeeperAddress } from '../../config/zookeeper-address.ts';
import { consistencyLevels, parseConsistencyLevel } from '../../consistency/consistency-level.ts';
import type { ConnectOptions } from './options.ts';

/**
 * Where a cluster is and how to use it, in one text:
 *
 *     quorate://host:port[,host:port...][?consistency=quorum&timeout=2s&...]
 *     zookeeper://host:port[,host:port...][/root][?...]
 *
 * The first names some nodes, which tell of the others; the second a ZooKeeper that knows them.
 */
export interface ConnectionString {
  readonly seeds:
    | { readonly kind: 'nodes'; readonly addresses: readonly string[] }
    | { readonly kind: 'zookeeper'; readonly zookeeper: ZookeeperAddress };
  readonly options: ConnectOptions;
}

const scheme = 'quorate://';
const form = 'quorate://host:port[,host:port] or zookeeper://host:port[,host:port][/root]';

const parameters: Readonly<Record<string, (text: string) => ConnectOptions>> = {
  consistency: (text) => ({ consistency: parseLevel(text) }),
  timeout: (text) => ({ timeoutMs: parseDuration(text) }),
  'connect-timeout': (text) => ({ connectTimeoutMs: parseDuration(text) }),
  coordinator: (text) => ({ coordinator: text }),
  pipelining: (text) => ({ pipelining: parseSwitch('pipelining', text) }),
  hedging: (text) => ({ hedging: parseSwitch('hedging', text) }),
};

/** @throws QuorateError CONFIGURATION that says what is wrong and what to write. */
export function parseConnectionString(text: string): ConnectionString {
  const question = text.indexOf('?');
  const place = question === -1 ? text : text.slice(0, question);
  const options = parseParameters(question === -1 ? '' : text.slice(question + 1));
  if (place.startsWith(zookeeperScheme)) {
    const zookeeper = parseZookeeper(place.slice(zookeeperScheme.length));
    return { seeds: { kind: 'zookeeper', zookeeper }, options };
  }
  if (!place.startsWith(scheme)) throw refused(text, `"${text}" names no cluster: write ${form}`);
  const list = place.slice(scheme.length).replace(/\/$/, '');
  const addresses = [...new Set(list.split(',').map(parseHostPort))];
  return { seeds: { kind: 'nodes', addresses }, options };
}

function parseParameters(query: string): ConnectOptions {
  let options: ConnectOptions = {};
  for (const [name, text] of new URLSearchParams(query)) {
    const parse = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (parse === undefined) {
      const known = Object.keys(parameters).join(', ');
      throw refused(name, `there is no parameter "${name}": use ${known}`);
    }
    options = { ...options, ...parse(text) };
  }
  return options;
}

function parseLevel(text: string) {
  const level = parseConsistencyLevel(text);
  if (level !== undefined) return level;
  throw refused(text, `consistency "${text}" is unknown: use ${consistencyLevels.join(', ')}`);
}

function parseSwitch(name: string, text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw refused(text, `${name} is on or off, not "${text}"`);
}

function refused(text: string, message: string): QuorateError {
  return new QuorateError('CONFIGURATION', { text }, message);
}
