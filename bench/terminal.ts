/** What the command lines of this folder have in common. */

/** Aborts when the process is told to end, so that a benchmark can end what it has started. */
export function interruption(): AbortSignal {
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => interrupt.abort());
  return interrupt.signal;
}

/** Tells how far it is. */
export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
