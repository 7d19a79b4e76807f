/** A call as those see it that wake it up. */
export interface OpenCall {
  readonly isOver: boolean;
  onDeadline(): void;
  /** The answer takes long. */
  onSlow(): void;
  /** A node has come up. */
  onNode(nowMs: number): void;
}
