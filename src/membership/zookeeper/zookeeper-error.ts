/**
 * Why a call to ZooKeeper failed: a small closed set, each code saying whether a change that was
 * asked for may have happened. The client's own errors are numbers that it throws at when they are
 * new to it, and its CONNECTION_LOSS stands for "never sent" and for "perhaps done" alike.
 */

/** What a code says by itself. */
interface CodeTraits {
  readonly mayHaveApplied: boolean;
  readonly sentence: string;
}

const traits = {
  NOT_CONNECTED: { mayHaveApplied: false, sentence: 'There is no valid session' },
  OVERLOADED: { mayHaveApplied: false, sentence: 'Too many calls are open' },
  CONNECTION_LOST: { mayHaveApplied: true, sentence: 'The connection ended before the answer' },
  TIMEOUT: { mayHaveApplied: true, sentence: 'The answer did not come in time' },
  SESSION_EXPIRED: { mayHaveApplied: false, sentence: 'The server has ended the session' },
  NO_NODE: { mayHaveApplied: false, sentence: 'The znode does not exist' },
  NODE_EXISTS: { mayHaveApplied: false, sentence: 'The znode exists already' },
  BAD_VERSION: { mayHaveApplied: false, sentence: 'The znode has another version' },
  NOT_EMPTY: { mayHaveApplied: false, sentence: 'The znode has children' },
  NO_AUTH: { mayHaveApplied: false, sentence: 'The access list does not allow this' },
  REFUSED: { mayHaveApplied: false, sentence: 'The server refused the call' },
} as const satisfies Record<string, CodeTraits>;

export type ZookeeperErrorCode = keyof typeof traits;

/** The codes of the protocol; all others become REFUSED. */
const codeOfNumber: ReadonlyMap<number, ZookeeperErrorCode> = new Map([
  [-4, 'CONNECTION_LOST'],
  [-7, 'TIMEOUT'],
  [-101, 'NO_NODE'],
  [-102, 'NO_AUTH'],
  [-103, 'BAD_VERSION'],
  [-110, 'NODE_EXISTS'],
  [-111, 'NOT_EMPTY'],
  [-112, 'SESSION_EXPIRED'],
  [-115, 'NO_AUTH'],
]);

const notAnswers: readonly ZookeeperErrorCode[] = [
  'NOT_CONNECTED',
  'OVERLOADED',
  'CONNECTION_LOST',
  'TIMEOUT',
  'SESSION_EXPIRED',
];

export class ZookeeperError extends Error {
  override readonly name = 'ZookeeperError';
  readonly code: ZookeeperErrorCode;
  /** Whether a change that ended with this error may be, or may become, visible. */
  readonly mayHaveApplied: boolean;

  /**
   * @param detail for people: a path, the number of the server, the place in a transaction.
   * @param mayHaveApplied what the code says by default; false when a later read has settled it.
   */
  constructor(code: ZookeeperErrorCode, detail?: string, mayHaveApplied?: boolean) {
    super(detail === undefined ? traits[code].sentence : `${traits[code].sentence} (${detail})`);
    this.code = code;
    this.mayHaveApplied = mayHaveApplied ?? traits[code].mayHaveApplied;
  }

  /** Whether a server has said it, which proves that the session lived when it was asked. */
  get isAnswer(): boolean {
    return !notAnswers.includes(this.code);
  }

  /** Narrows what the client gives to a callback. */
  static fromNumber(number: number, detail?: string): ZookeeperError {
    const code = codeOfNumber.get(number);
    const details = [code === undefined ? `code ${number}` : undefined, detail];
    const text = details.filter((part) => part !== undefined).join(', ');
    return new ZookeeperError(code ?? 'REFUSED', text === '' ? undefined : text);
  }
}
