/** One request over each protocol, and what a client can tell of how its answer ended. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseAnswers } from './plain-listener.ts';

export interface Told {
  readonly end: 'whole' | 'broken';
  readonly status: number;
  readonly text: string;
}

export interface Ports {
  readonly plain: number;
  readonly tls: number;
}

export const protocols = [
  ...(['HTTP/1.0', 'HTTP/1.1', 'HTTP/1.0 over TLS', 'HTTPS', 'HTTP/2'] as const),
  // Nothing says that the connection is to end: what is asked so is read without node's parser.
  ...(['HTTP/1.1, kept', 'HTTPS, kept'] as const),
] as const;
export type Protocol = (typeof protocols)[number];

/** An alert of TLS; the last record of a connection says goodbye by one (RFC 5246, 7.2.1). */
const ALERT = 21;

export function tell(protocol: Protocol, ports: Ports, path: string): Promise<Told> {
  const version = protocol.startsWith('HTTP/1.0') ? '1.0' : '1.1';
  const head = `GET ${path} HTTP/${version}\r\nHost: site.test\r\nConnection: close\r\n\r\n`;
  if (protocol === 'HTTP/2') return tellHttp2(ports.tls, path);
  if (protocol.endsWith('kept')) return tellKept(protocol, ports, path);
  if (protocol === 'HTTP/1.0' || protocol === 'HTTP/1.1') return tellPlain(ports.plain, head);
  return tellSecure(ports.tls, head);
}

function tellPlain(port: number, head: string): Promise<Told> {
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write(head));
  return collect(socket, () => true);
}

/** The client ends when it has the answer. */
function tellKept(protocol: Protocol, ports: Ports, path: string): Promise<Told> {
  const isSecure = protocol.startsWith('HTTPS');
  const socket = isSecure
    ? connectTls({
        ...{ host: '127.0.0.1', port: ports.tls },
        ...{ servername: 'site.test', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] },
      })
    : connect({ host: '127.0.0.1', port: ports.plain });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    if (!received.includes('\r\n\r\n')) return;
    const answer = parseAnswers(received).at(-1);
    if (answer?.isWhole === true && answer.status >= 200) socket.end();
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: site.test\r\n\r\n`);
  return collect(socket, () => true);
}

/** TLS 1.2, whose alerts can be told from data by who stands between. */
async function tellSecure(port: number, head: string): Promise<Told> {
  const records: Buffer[] = [];
  const relay = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port });
    far.on('data', (chunk: Buffer) => records.push(chunk));
    far.pipe(near).pipe(far);
    far.on('error', () => near.resetAndDestroy());
    near.on('error', () => far.destroy());
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const secured = connectTls({
    ...{ host: '127.0.0.1', port: (relay.address() as AddressInfo).port },
    ...{ servername: 'site.test', rejectUnauthorized: false },
    ...{ maxVersion: 'TLSv1.2' as const, ALPNProtocols: ['http/1.1'] },
  });
  secured.once('secureConnect', () => secured.write(head));
  const told = await collect(secured, () => lastRecordType(Buffer.concat(records)) === ALERT);
  relay.close();
  return told;
}

function collect(socket: Socket, saidGoodbye: () => boolean): Promise<Told> {
  let received = '';
  let isBroken = false;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {
    isBroken = true;
  });
  return new Promise((resolve) => {
    socket.once('close', () => {
      const [answer] = parseAnswers(received);
      const { status = 0, body: text = '', isWhole = false } = answer ?? {};
      const end = isWhole && !isBroken && saidGoodbye() ? 'whole' : 'broken';
      resolve({ end, status, text });
    });
  });
}

function lastRecordType(bytes: Buffer): number {
  let type = 0;
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    type = bytes[at] ?? 0;
  }
  return type;
}

function tellHttp2(port: number, path: string): Promise<Told> {
  const session = connectHttp2('https://site.test', {
    createConnection: () =>
      connectTls({
        ...{ host: '127.0.0.1', port, servername: 'site.test' },
        ...{ ALPNProtocols: ['h2'], rejectUnauthorized: false },
      }),
  });
  session.on('error', () => undefined);
  const stream = session.request({ ':authority': 'site.test', ':path': path });
  let text = '';
  let status = 0;
  let hasEnded = false;
  stream.on('response', (headers) => {
    status = Number(headers[':status']);
  });
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  stream.on('end', () => {
    hasEnded = !stream.aborted;
  });
  stream.on('error', () => undefined);
  return new Promise((resolve) => {
    stream.once('close', () => {
      session.destroy();
      const end = hasEnded && stream.rstCode === 0 ? 'whole' : 'broken';
      resolve({ end, status, text });
    });
  });
}
