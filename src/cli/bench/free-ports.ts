import { createServer } from 'node:net';
import { QuorateError } from '../../base/quorate-error.ts';

/** Where the processes of a benchmark listen. */
export const host = '127.0.0.1';

/** Ports that were all free at once a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(listenAnywhere));
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  return ports;
}

function listenAnywhere(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot listen on ${host} (${error.message}): a benchmark needs free ports there`;
      reject(new QuorateError('CONFIGURATION', {}, message, { cause: error }));
    });
    server.listen(0, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
