import { initialNodeState, type NodeState } from './node-state.ts';

/** Where a node's state outlives its process. One write at a time: {@link DurableState} sees to it. */
export interface StateFile {
  /** The newest state that was completely written. */
  read(): NodeState;
  /** Replaces the state; settles when it is durable. What it rejects with, the state is unknown. */
  write(state: NodeState): Promise<void>;
  close(): Promise<void>;
}

/** A state in memory, for nodes without a data directory and for tests. */
export class MemoryStateFile implements StateFile {
  #state: NodeState;

  constructor(state: NodeState = initialNodeState) {
    this.#state = state;
  }

  read(): NodeState {
    return this.#state;
  }

  async write(state: NodeState): Promise<void> {
    this.#state = state;
  }

  async close(): Promise<void> {}
}
