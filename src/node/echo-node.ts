import { EchoServer } from '../rpc/echo-server.ts';

/** What takes the place of a node in the benchmark's comparison: {@link EchoServer}, started. */
export interface EchoNode {
  readonly port: number;
  stop(): void;
}

/** Starts an echo on a free loopback port. @param valueBytes the size of the value it answers. */
export async function startEchoNode(valueBytes: number): Promise<EchoNode> {
  const server = new EchoServer(valueBytes);
  const port = await server.listen('127.0.0.1');
  return { port, stop: () => server.stop() };
}
