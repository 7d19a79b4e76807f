import { QuorateError } from '../base/quorate-error.ts';
import { callDynamically, dynamicMethods } from '../client/dynamic-call.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { withTarget } from './flags.ts';
import { targetOf } from './target.ts';
import { print } from './terminal.ts';
import { oneNodeOf } from './with-client.ts';

/**
 * `quorate rpc`: any call, typed in JSON. Prints each answer as a JSON document on one line, in
 * protobuf's JSON mapping.
 */
export const rpcCommand = defineCommand({
  command: 'rpc <method> [request]',
  describe: 'Make any call, typed in JSON',
  builder: (yargs) =>
    withTarget(yargs)
      .positional('method', {
        type: 'string',
        demandOption: true,
        describe: 'service and method, such as KeyValueService/Put',
      })
      .positional('request', { type: 'string', default: '{}', describe: 'the request as JSON' })
      .example(`$0 rpc KeyValueService/Put '{"key": 7, "value": "hello"}'`, 'text under 7')
      .example(
        `$0 rpc KeyValueService/Get '{"text_key": "user:42", "consistency": "ONE", "explain": true}'`,
        '',
      )
      .example('$0 rpc ClusterService/ListEntries', 'a stream: one document a message')
      .epilogue(
        `Calls:\n${dynamicMethods()
          .map((name) => `  ${name}\n`)
          .join('')}`,
      ),
  run: async (args) => {
    const request = parseRequest(args.request);
    const target = await oneNodeOf(targetOf(args), args.timeout);
    const options = { target, timeoutMs: args.timeout };
    for await (const answer of callDynamically(args.method, request, options)) {
      print(JSON.stringify(answer));
    }
    return exitCodes.ok;
  },
});

function parseRequest(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error: unknown) {
    const { reason } = QuorateError.from(error).details;
    const message = `the request is not JSON (${reason}): quote it for the shell, as in '{"key": 7}'`;
    throw new QuorateError('CONFIGURATION', {}, message);
  }
}
