import { createServer } from 'node:net';
import { QuorateError } from '../../base/quorate-error.ts';
import { formatHostPort, type NodeAddress } from '../../config/replicas-file.ts';

/**
 * Looks at all ports before any node starts: with one port taken, the other nodes would start,
 * and might join the cluster that has the port.
 *
 * @throws QuorateError CONFIGURATION naming what is taken and the next step.
 */
export async function checkPorts(replicas: readonly NodeAddress[], path: string): Promise<void> {
  for (const replica of replicas) {
    const code = await tryListen(replica);
    if (code !== undefined) throw refused(replica, code, path);
  }
}

/** Listens and stops. @returns why that failed, or `undefined`. */
function tryListen({ host, port }: NodeAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function refused(replica: NodeAddress, code: string, path: string): QuorateError {
  const { name, port } = replica;
  const address = formatHostPort(replica);
  const message =
    code === 'EADDRINUSE'
      ? `port ${port} of ${name} is taken (${address}): is a cluster running already? Stop what runs there, or give ${name} another port in ${path}`
      : `${name} cannot listen on ${address} (${code}): a cluster on this machine needs addresses of this machine; change ${path}, or run \`quorate replica\` where ${replica.host} is`;
  return new QuorateError('CONFIGURATION', { address, code }, message);
}
