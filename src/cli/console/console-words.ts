import { QuorateError } from '../../base/quorate-error.ts';

/**
 * The words of a console line. Words end at blanks; quotes keep blanks together. Within double
 * quotes a backslash makes \n, \t, \r, \" and \\ of what follows; within single quotes all is as
 * it stands. Pure.
 */
export interface ConsoleWord {
  readonly text: string;
  /** A quoted word is never a flag or a level. */
  readonly isQuoted: boolean;
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '"': '"',
  "'": "'",
  '\\': '\\',
};

/** Reads a line word by word, so that what follows some flags can be taken as it stands. */
export class WordReader {
  readonly #line: string;
  #at = 0;

  constructor(line: string) {
    this.#line = line;
  }

  /** The next word, or `undefined` at the end. @throws QuorateError CONFIGURATION */
  next(): ConsoleWord | undefined {
    this.#skipBlanks();
    if (this.#at >= this.#line.length) return undefined;
    const isQuoted = isQuote(this.#line[this.#at]);
    let text = '';
    while (this.#at < this.#line.length && !isBlank(this.#line[this.#at])) {
      text += isQuote(this.#line[this.#at]) ? this.#quoted() : this.#line[this.#at++];
    }
    return { text, isQuoted };
  }

  /** All words that are left. @throws QuorateError CONFIGURATION */
  all(): readonly ConsoleWord[] {
    const words: ConsoleWord[] = [];
    for (let word = this.next(); word !== undefined; word = this.next()) words.push(word);
    return words;
  }

  /** What is left of the line as it stands, without blanks around it. */
  rest(): string {
    const rest = this.#line.slice(this.#at).trim();
    this.#at = this.#line.length;
    return rest;
  }

  #skipBlanks(): void {
    while (this.#at < this.#line.length && isBlank(this.#line[this.#at])) this.#at++;
  }

  #quoted(): string {
    const quote = this.#line[this.#at++];
    let text = '';
    while (this.#at < this.#line.length) {
      const character = this.#line[this.#at++] ?? '';
      if (character === quote) return text;
      text += character === '\\' && quote === '"' ? this.#escaped() : character;
    }
    throw new QuorateError('CONFIGURATION', {}, `a quote is not closed: add ${quote} at its end`);
  }

  #escaped(): string {
    const character = this.#line[this.#at++] ?? '';
    return escapes[character] ?? `\\${character}`;
  }
}

function isBlank(character: string | undefined): boolean {
  return character === undefined || /\s/.test(character);
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'";
}
