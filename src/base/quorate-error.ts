/**
 * The one error class of Quorate. Its code is the API, its details are the data behind it, its
 * message is for people only and nothing branches on it.
 *
 * Three questions decide what a caller does next, and each code answers them: may the request be
 * sent again as it is (`retryable`), may a write have happened (`mayHaveApplied`), and which
 * numbers explain it (`details`).
 */

/** What a code says by itself; `details` may override `mayHaveApplied`. */
interface CodeTraits {
  readonly retryable: boolean;
  readonly sentence: string;
}

const traits = {
  NOT_ENOUGH_REPLICAS: { retryable: true, sentence: 'Not enough replicas are reachable' },
  NODE_NOT_READY: { retryable: true, sentence: 'The node is not ready to take requests' },
  READ_TIMEOUT: { retryable: true, sentence: 'Too few replicas answered the read in time' },
  WRITE_TIMEOUT: { retryable: true, sentence: 'Too few replicas acknowledged the write in time' },
  REPLICA_FAILURE: { retryable: true, sentence: 'Too many replicas failed' },
  RECORD_DAMAGED: { retryable: true, sentence: "The replica's record of the key is damaged" },
  OVERLOADED: { retryable: true, sentence: 'The node is over a limit of load' },
  DISK_FULL: { retryable: true, sentence: 'Too few replicas have room on their disks' },
  CLOCK_SKEW: { retryable: true, sentence: 'The clocks of the nodes are too far apart' },
  LEVEL_UNREACHABLE: {
    retryable: false,
    sentence: 'This ring has too few nodes for the consistency level',
  },
  INVALID_KEY: { retryable: false, sentence: 'The key is not valid' },
  INVALID_VALUE: { retryable: false, sentence: 'The value is not valid' },
  INVALID_TTL: { retryable: false, sentence: 'The time to live is not valid' },
  INVALID_CONSISTENCY: { retryable: false, sentence: 'The consistency level is not valid' },
  INVALID_ARGUMENT: { retryable: false, sentence: 'The request is not valid' },
  UNORDERED_RING: { retryable: false, sentence: 'Keys have no order on a hash ring' },
  CONNECTION_FAILED: { retryable: true, sentence: 'The node cannot be reached' },
  NO_COORDINATOR: { retryable: true, sentence: 'There is no node to ask' },
  CANCELLED: { retryable: false, sentence: 'The call was cancelled' },
  UNIMPLEMENTED: { retryable: false, sentence: 'The node does not know this call' },
  CONFIGURATION: { retryable: false, sentence: 'The configuration is not valid' },
  INTERNAL: { retryable: false, sentence: 'Something went wrong inside Quorate' },
} as const satisfies Record<string, CodeTraits>;

/** Why something failed: a closed set. */
export type QuorateErrorCode = keyof typeof traits;

/** The data behind an error: flat, so that it travels as text. */
export type QuorateErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** Whether a text, from the wire say, is one of the codes. */
export function isQuorateErrorCode(text: string): text is QuorateErrorCode {
  return Object.hasOwn(traits, text);
}

export class QuorateError extends Error {
  override readonly name = 'QuorateError';
  readonly code: QuorateErrorCode;
  readonly details: QuorateErrorDetails;

  /**
   * @param code what happened.
   * @param details the numbers and names behind it; `field` names a wrong field of the request.
   * @param message a sentence for people; the code's own sentence and the details by default.
   */
  constructor(
    code: QuorateErrorCode,
    details: QuorateErrorDetails = {},
    message?: string,
    options?: ErrorOptions,
  ) {
    super(message ?? describe(code, details), options);
    this.code = code;
    this.details = details;
  }

  /**
   * OVERLOADED without a stack: whoever has too much to do refuses ten thousand calls a second, and a
   * stack costs ten times the rest of an error.
   *
   * @param details as for the constructor; nothing may have been applied.
   */
  static overloaded(details: QuorateErrorDetails, message?: string): QuorateError {
    const { stackTraceLimit } = Error;
    // Not an assignment: that throws where a program has frozen what is built in.
    Reflect.set(Error, 'stackTraceLimit', 0);
    const error = new QuorateError('OVERLOADED', { ...details, mayHaveApplied: false }, message);
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
    return error;
  }

  /** Whether the same request may succeed if it is sent again, perhaps to another node. */
  get retryable(): boolean {
    return traits[this.code].retryable;
  }

  /** Whether a write that ended with this error may be, or may become, visible. */
  get mayHaveApplied(): boolean {
    return this.details['mayHaveApplied'] === true;
  }

  /** Narrows anything that was thrown; what is not a QuorateError becomes INTERNAL with a cause. */
  static from(thrown: unknown): QuorateError {
    if (thrown instanceof QuorateError) return thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new QuorateError('INTERNAL', { reason }, undefined, { cause: thrown });
  }
}

function describe(code: QuorateErrorCode, details: QuorateErrorDetails): string {
  const parts = Object.entries(details)
    .filter(([name]) => name !== 'mayHaveApplied')
    .map(([name, value]) => `${name}=${value}`);
  const suffix = parts.length === 0 ? '' : ` (${parts.join(', ')})`;
  return `${traits[code].sentence}${suffix}`;
}
