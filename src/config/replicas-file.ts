import { QuorateError } from '../base/quorate-error.ts';
import { formatHostPort, type NodeAddress } from '../ring/node-address.ts';
import { tokenCount } from '../ring/partitioner.ts';

/**
 * The file that names the nodes, `name host port` a line. Its order is the order of the ring, so
 * all nodes need the same lines. Errors name the file and the line, as compilers do.
 */

export { formatHostPort, type NodeAddress };

/** A node owns at least one token. */
const nodesMax = tokenCount;
const namePattern = /^[A-Za-z0-9._-]{1,63}$/;

/** Whether a text can be the name of a node. */
export function isNodeName(text: string): boolean {
  return namePattern.test(text);
}

/** Reads a port number, or gives `undefined` if the text is none. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * Reads the text of a replicas file.
 *
 * @param path where the text is from, for the messages.
 * @throws QuorateError CONFIGURATION naming file and line.
 */
export function parseReplicas(text: string, path: string): readonly NodeAddress[] {
  const replicas: NodeAddress[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    const line = full.replace(/#.*$/, '').trim();
    if (line === '') continue;
    const place = { path, line: index + 1 };
    const replica = parseLine(line, place);
    for (const taken of [`name ${replica.name}`, `address ${formatHostPort(replica)}`]) {
      const first = lineOf.get(taken);
      if (first !== undefined) {
        throw refused(place, `the ${taken} is on line ${first} already; give each node its own`);
      }
      lineOf.set(taken, place.line);
    }
    replicas.push(replica);
    if (replicas.length > nodesMax) {
      throw refused(place, `there are more than ${nodesMax} nodes; the ring has no more places`);
    }
  }
  if (replicas.length > 0) return replicas;
  throw refused({ path, line: 1 }, 'there are no nodes; write one "name host port" a line');
}

interface Place {
  readonly path: string;
  readonly line: number;
}

function parseLine(line: string, place: Place): NodeAddress {
  const [name = '', host = '', portText = '', ...rest] = line.split(/\s+/);
  if (portText === '' || rest.length > 0) {
    throw refused(place, `"${line}" is not "name host port"; write these three, with spaces`);
  }
  if (!isNodeName(name)) {
    throw refused(
      place,
      `"${name}" cannot be the name of a node; use 1 to 63 of the characters A-Z a-z 0-9 . _ -`,
    );
  }
  const port = parsePort(portText);
  if (port === undefined) {
    throw refused(place, `"${portText}" is not a port; use a number from 1 to 65535`);
  }
  const bare = parseHost(host);
  if (bare === undefined) {
    throw refused(place, `"${host}" is not a host; use a name or an address, the port after it`);
  }
  return { name, host: bare, port };
}

/** A host without the brackets that an IPv6 address may have, or `undefined` if it is none. */
export function parseHost(text: string): string | undefined {
  const inside = /^\[([^\]]*)\]$/.exec(text)?.[1];
  const host = inside ?? text;
  const isIpv6 = /^[0-9a-fA-F:.]+(%[\w.-]+)?$/.test(host) && host.split(':').length > 2;
  if (isIpv6) return host;
  return inside === undefined && /^[\w.-]+$/.test(host) ? host.toLowerCase() : undefined;
}

function refused({ path, line }: Place, sentence: string): QuorateError {
  return new QuorateError('CONFIGURATION', { path, line }, `${path}:${line}: ${sentence}.`);
}
