/**
 * Why the disk did not take something. `NO_SPACE`: nothing of the write is there, and writes are
 * refused until space returns. `FAILED`: nothing is known of the write, and nothing is taken any
 * more until the process has started again.
 */
export type StorageErrorCode = 'NO_SPACE' | 'FAILED';

/** A write that is not durable; `cause` is what the disk or the library said. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, options?: ErrorOptions) {
    super(sentences[code], options);
    this.code = code;
  }
}

const sentences: Readonly<Record<StorageErrorCode, string>> = {
  NO_SPACE: 'No space is left on the disk',
  FAILED: 'The disk failed',
};
