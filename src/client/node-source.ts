import type { NodeAddress } from '../ring/node-address.ts';

/** Where a client learns which nodes a cluster has. */
export interface NodeSource {
  /**
   * The nodes that may be asked, at least one; some may be dead.
   *
   * @throws QuorateError NO_COORDINATOR that says what is missing and what to do.
   */
  list(timeoutMs: number): Promise<readonly NodeAddress[]>;
}
