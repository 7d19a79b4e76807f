/** What a command writes: data to stdout, the rest to stderr, colour only on a terminal. */

/** Writes data, a line. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes data as it is, with no end of line. */
export function printBytes(bytes: Uint8Array): void {
  process.stdout.write(bytes);
}

/** Says something that is not data, a line. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The colours that are used. */
const colours = { red: 31, green: 32, yellow: 33, grey: 90, bold: 1 } as const;

export type Colour = keyof typeof colours;

/** Paints text for a stream, if that stream is a terminal and `NO_COLOR` is not set. */
export function paintFor(stream: { readonly isTTY?: boolean }, text: string, colour: Colour) {
  const isPainted = stream.isTTY === true && !process.env['NO_COLOR'];
  return isPainted ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text;
}
