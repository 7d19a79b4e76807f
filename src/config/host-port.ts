import { QuorateError } from '../base/quorate-error.ts';
import { formatHostPort } from '../ring/node-address.ts';
import { parseHost, parsePort } from './replicas-file.ts';

/** Where a node is, as people write it: `host:port`, an IPv6 address in brackets. */

/**
 * Reads `host:port` and writes it in one form, for dialling.
 *
 * @throws QuorateError CONFIGURATION if it is anything else.
 */
export function parseHostPort(text: string): string {
  const colon = text.lastIndexOf(':');
  const hostText = text.slice(0, Math.max(colon, 0));
  const port = parsePort(text.slice(colon + 1));
  const host =
    hostText.includes(':') && !hostText.startsWith('[') ? undefined : parseHost(hostText);
  if (colon > 0 && port !== undefined && host !== undefined) return formatHostPort({ host, port });
  throw new QuorateError(
    'CONFIGURATION',
    { text },
    `"${text}" is not host:port: write for example 127.0.0.1:9090 or [::1]:9090`,
  );
}
