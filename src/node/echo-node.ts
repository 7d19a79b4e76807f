import { EchoServer } from '../rpc/echo-server.ts';

/** What takes the place of a node in the benchmark's comparison: {@link EchoServer}, started. */
export interface EchoNode {
  stop(): void;
}

/**
 * Starts an echo on a loopback port.
 *
 * @param valueBytes the size of the value it answers.
 * @throws QuorateError CONFIGURATION if the port is taken.
 */
export async function startEchoNode(port: number, valueBytes: number): Promise<EchoNode> {
  const server = new EchoServer(valueBytes);
  await server.listen('127.0.0.1', port);
  return server;
}
