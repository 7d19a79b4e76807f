import { createInterface, type Interface } from 'node:readline';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { completeLine } from './console-commands.ts';
import { historyLengthMax, historyPath, readHistory, writeHistory } from './console-history.ts';
import type { ConsoleSession } from './console-session.ts';

/** Lines from standard input into a session: typed at a prompt, or from a pipe without one. */

/** How often a console at a terminal looks whether its coordinator is there. */
const watchEveryMs = 1_000;

/**
 * Runs the lines of a pipe or file in order and stops at the first error, unless told to go on.
 *
 * @returns the exit code of the first error; else 1 if the last line was a get of an absent key.
 */
export async function runPipe(session: ConsoleSession, keepsGoing: boolean): Promise<ExitCode> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  let failure: ExitCode | undefined;
  let last: ExitCode = exitCodes.ok;
  for await (const line of lines) {
    const { exitCode, isExit } = await session.runLine(line);
    if (line.trim() !== '' && !isExit) last = exitCode;
    if (exitCode !== exitCodes.ok && exitCode !== exitCodes.absent) failure ??= exitCode;
    if (isExit || (failure !== undefined && !keepsGoing)) break;
  }
  return failure ?? last;
}

/** A prompt on a terminal, with history and completion; it ends with `exit` or Ctrl-D only. */
export class ConsolePrompt {
  readonly #clock: Clock;
  readonly #session: ConsoleSession;
  readonly #output: NodeJS.WriteStream;
  readonly #historyPath = historyPath(process.env);
  readonly #lines: Interface;
  #watch: Timer | undefined;
  /** Whom the next line is about. */
  #watched: string;
  #isConnected: boolean;
  #isBusy = false;

  /** @param isConnected whether the coordinator has answered. */
  constructor(
    clock: Clock,
    session: ConsoleSession,
    output: NodeJS.WriteStream,
    isConnected: boolean,
  ) {
    this.#clock = clock;
    this.#session = session;
    this.#output = output;
    this.#watched = session.target;
    this.#isConnected = isConnected;
    session.notify = (sentence) => this.#notice(sentence);
    this.#lines = createInterface({
      input: process.stdin,
      output,
      terminal: true,
      history: readHistory(this.#historyPath),
      historySize: historyLengthMax,
      removeHistoryDuplicates: true,
      completer: (line: string) => completeLine(line, session.nodeNames),
    });
  }

  /** Reads lines until the user leaves. */
  async run(): Promise<void> {
    this.#lines.on('SIGINT', () => this.#onInterrupt());
    this.#lines.on('history', (history) => writeHistory(this.#historyPath, history));
    this.#armWatch();
    this.#showPrompt();
    for await (const line of this.#lines) {
      this.#isBusy = true;
      const { isExit } = await this.#session.runLine(line);
      this.#isBusy = false;
      if (isExit) break;
      this.#showPrompt();
    }
    this.#watch?.cancel();
    this.#lines.close();
  }

  #showPrompt(): void {
    this.#lines.setPrompt(this.#session.prompt);
    this.#lines.prompt(true);
  }

  /** Ctrl-C drops what was typed. */
  #onInterrupt(): void {
    const wasEmpty = this.#lines.line === '';
    this.#output.write(wasEmpty ? '\n(Ctrl-D or exit leaves)\n' : '\n');
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#showPrompt();
  }

  #armWatch(): void {
    this.#watch = this.#clock.schedule(watchEveryMs, () => void this.#lookForCoordinator());
  }

  async #lookForCoordinator(): Promise<void> {
    const { target } = this.#session;
    const isConnected = (await this.#session.meet()) === undefined;
    if (target === this.#session.target) {
      const isNews = target === this.#watched && isConnected !== this.#isConnected;
      this.#watched = target;
      this.#isConnected = isConnected;
      if (isNews) this.#noticeConnection();
    }
    this.#armWatch();
  }

  #noticeConnection(): void {
    const { coordinator } = this.#session;
    this.#notice(
      this.#isConnected
        ? `${coordinator} is back`
        : `${coordinator} does not answer; the console connects again by itself`,
    );
  }

  /** Says something above the prompt, and leaves what is being typed as it was. */
  #notice(text: string): void {
    this.#output.write(`\r\u001b[J${text}\n`);
    if (!this.#isBusy) this.#showPrompt();
  }
}
