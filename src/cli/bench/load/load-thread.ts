import type { MessagePort } from 'node:worker_threads';
import { QuorateError, type QuorateErrorCode } from '../../../base/quorate-error.ts';
import { SystemClock } from '../../../runtime/system-clock.ts';
import { SystemRandom } from '../../../runtime/system-random.ts';
import type { Load, LoadClient, LoadOutcome } from './load.ts';
import { LoadRun } from './load-run.ts';

/** What a load thread is told: first to connect, then to go, and perhaps to stop. */
export type ToThread<Subject> =
  | { readonly kind: 'prepare'; readonly load: Load<Subject> }
  | { readonly kind: 'go' }
  | { readonly kind: 'stop' };

/** What it says. */
export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly calls: number }
  | { readonly kind: 'done'; readonly outcome: LoadOutcome }
  | { readonly kind: 'failed'; readonly code: QuorateErrorCode; readonly message: string };

const progressEveryMs = 200;

/**
 * The inside of a thread that makes load: one load after another, with clients of its own, until
 * the thread is ended.
 *
 * @param open makes the client of one connection, connected.
 */
export function serveLoads<Subject>(
  port: MessagePort,
  open: (subject: Subject) => Promise<LoadClient>,
): void {
  const machine = { clock: new SystemClock(), random: new SystemRandom() };
  const say = (message: FromThread) => port.postMessage(message);
  let stopping = new AbortController();
  let go: (() => void) | undefined;

  const make = async (load: Load<Subject>, signal: AbortSignal): Promise<void> => {
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const opening = Array.from({ length: load.connections }, () => open(load.subject));
    const clients = (await Promise.allSettled(opening)).flatMap((one) =>
      one.status === 'fulfilled' ? [one.value] : [],
    );
    try {
      await Promise.all(opening);
      say({ kind: 'ready' });
      await gone;
      const run = new LoadRun(machine, load, clients, signal);
      const timer = repeat(machine.clock, () => say({ kind: 'progress', calls: run.calls }));
      const outcome = await run.run().finally(() => timer.cancel());
      say({ kind: 'done', outcome });
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  };

  port.on('message', (message: ToThread<Subject>) => {
    if (message.kind === 'go') go?.();
    else if (message.kind === 'stop') {
      stopping.abort();
      go?.();
    } else {
      stopping = new AbortController();
      make(message.load, stopping.signal).catch((error: unknown) => {
        const { code, message } = QuorateError.from(error);
        say({ kind: 'failed', code, message });
      });
    }
  });
}

function repeat(clock: SystemClock, callback: () => void): { cancel(): void } {
  let timer = clock.schedule(progressEveryMs, again);
  function again(): void {
    callback();
    timer = clock.schedule(progressEveryMs, again);
  }
  return { cancel: () => timer.cancel() };
}
