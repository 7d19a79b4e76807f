import { createReadStream } from 'node:fs';

/** A line of a file, without its end. */
export interface FileLine {
  /** From 1 on. */
  readonly number: number;
  readonly bytes: Buffer;
  /** Where the next line begins. */
  readonly nextOffset: number;
  /** Whether the line ends with a line feed; only the last one may not. */
  readonly isComplete: boolean;
}

const lineFeed = 0x0a;

/**
 * The lines of a file. Only line feeds end them, while Node's readline also takes characters that
 * JSON leaves as they are.
 */
export async function* linesOf(path: string): AsyncIterable<FileLine> {
  let parts: Buffer[] = [];
  let number = 0;
  let nextOffset = 0;
  const lineWith = (last: Buffer, isComplete: boolean): FileLine => {
    const bytes = Buffer.concat([...parts, last]);
    parts = [];
    number++;
    nextOffset += bytes.length + (isComplete ? 1 : 0);
    return { number, bytes, nextOffset, isComplete };
  };
  for await (const read of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    const chunk = read as Buffer;
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      yield lineWith(chunk.subarray(start, end), true);
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield lineWith(Buffer.alloc(0), false);
}
