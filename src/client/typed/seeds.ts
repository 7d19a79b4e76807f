/** Where a client begins to look for the nodes of a cluster. */
export interface Seeds {
  /**
   * Nodes that may serve, at least one.
   *
   * @throws QuorateError NO_COORDINATOR that says what is missing and what to do.
   */
  list(timeoutMs: number): Promise<readonly Seed[]>;
}

interface Seed {
  /** As `host:port`. */
  readonly address: string;
  /** Its name, where that is known. */
  readonly name?: string;
}
