/**
 * Login sessions over HTTP, kept in Quorate: any number of these processes may run beside each
 * other, and a session that was begun at one is known to all.
 *
 *   POST /sessions {"user": "ada"}   begins a session     201 {"id": "...", "user": "ada"}
 *   GET /sessions/ID                 whose it is          200 {"user": "ada"} or 404
 *   DELETE /sessions/ID              ends it              204
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { json as jsonCodec, QuorateClient, QuorateError } from 'quorate/client';

interface Session {
  readonly user: string;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

const { QUORATE_URL = 'quorate://localhost:9090', PORT = '8080' } = process.env;

const client = await QuorateClient.connect(QUORATE_URL, { timeoutMs: 1_000 });
const sessions = client.view(jsonCodec(parseSession), { prefix: 'session:' });

const server = createServer((request, response) => {
  answer(request).then(
    ({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : `${JSON.stringify(body)}\n`);
    },
    (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
  );
});
server.listen(Number(PORT), () => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : PORT;
  process.stdout.write(`listening on ${port}\n`);
});

process.once('SIGTERM', () => {
  server.close(() => void client.close());
});

async function answer(request: IncomingMessage): Promise<Answer> {
  const id = /^\/sessions\/([\w-]+)$/.exec(request.url ?? '')?.[1];
  try {
    if (request.method === 'POST' && request.url === '/sessions') {
      return { status: 201, body: await begin(parseSession(await json(request))) };
    }
    if (request.method === 'GET' && id !== undefined) {
      const session = await sessions.get(id);
      return session === undefined ? { status: 404 } : { status: 200, body: session };
    }
    if (request.method === 'DELETE' && id !== undefined) {
      await sessions.delete(id);
      return { status: 204 };
    }
    return { status: 404 };
  } catch (error: unknown) {
    return failure(error);
  }
}

async function begin(session: Session): Promise<Session & { readonly id: string }> {
  const id = randomUUID();
  await sessions.put(id, session, { ttlMs: 30 * 60_000 });
  return { id, ...session };
}

/** A session that may or may not have begun is nobody's: its id was never told. */
function failure(error: unknown): Answer {
  if (error instanceof QuorateError) {
    const { code, retryable, mayHaveApplied } = error;
    return { status: retryable ? 503 : 500, body: { code, mayHaveApplied } };
  }
  return { status: 400, body: { message: String(error) } };
}

function parseSession(value: unknown): Session {
  if (typeof value === 'object' && value !== null && 'user' in value) {
    if (typeof value.user === 'string') return { user: value.user };
  }
  throw new Error('a session has a user');
}
