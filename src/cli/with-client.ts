import { QuorateClient } from '../client/quorate-client.ts';

/** Runs something with a client of the node that the flags name, and closes it. */
export async function withClient<Result>(
  flags: { readonly server: string; readonly timeout: number },
  use: (client: QuorateClient) => Promise<Result>,
): Promise<Result> {
  const client = new QuorateClient(flags.server, { timeoutMs: flags.timeout });
  try {
    await client.connect();
    return await use(client);
  } finally {
    client.close();
  }
}
