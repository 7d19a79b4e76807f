/** Aborts when the process is told to end, so that a benchmark can end what it has started. */
export function interruption(): AbortSignal {
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => interrupt.abort());
  return interrupt.signal;
}
