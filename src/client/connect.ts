import { type Client, connectivityState } from '@grpc/grpc-js';
import { QuorateError } from '../base/quorate-error.ts';

/**
 * Waits until a channel is connected; one that was refused is not waited for.
 *
 * @param deadline when to give up, in milliseconds since 1970.
 * @throws QuorateError CONNECTION_FAILED; nothing was sent.
 */
export function connect(
  channel: ReturnType<Client['getChannel']>,
  deadline: number,
  target: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      const message = `nothing answers at ${target}: ${reason}`;
      reject(
        new QuorateError('CONNECTION_FAILED', { target, mayHaveApplied: false, reason }, message),
      );
    };
    const look = () => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) resolve();
      else if (state === connectivityState.TRANSIENT_FAILURE) fail('the connection was refused');
      else if (state === connectivityState.SHUTDOWN) fail('the client is closed');
      else {
        channel.watchConnectivityState(state, deadline, (error) => {
          if (error === undefined) look();
          else fail('no connection in time');
        });
      }
    };
    look();
  });
}
