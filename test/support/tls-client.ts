/** Edge: loopback sockets. HTTPS as tests need it: any name, either protocol, one authority. */
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';

export interface SecureReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly protocol: 'http/1.1' | 'h2';
}

export interface SecureRequest {
  readonly serverName: string;
  /** Host header; the server name when left out. */
  readonly host?: string;
  readonly ca?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  /** Which of loopback's addresses the request comes from; over HTTP/1.1 alone. */
  readonly localAddress?: string;
}

/** One request over HTTP/1.1 on a connection of its own. */
export function askHttp1(port: number, path: string, options: SecureRequest): Promise<SecureReply> {
  const { serverName, host = serverName, ca, method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port, path, method, agent: false, servername: serverName },
        headers: { ...headers, host },
        ...(ca === undefined ? {} : { ca }),
        ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const status = incoming.statusCode ?? 0;
          resolve({ status, headers: incoming.headers, text, protocol: 'http/1.1' });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** One request over HTTP/2 on a connection of its own. */
export function askHttp2(port: number, path: string, options: SecureRequest): Promise<SecureReply> {
  const { serverName, host = serverName, ca, method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://${host}`, {
      createConnection: () =>
        connect({
          ...{ host: '127.0.0.1', port, servername: serverName, ALPNProtocols: ['h2'] },
          ...(ca === undefined ? {} : { ca }),
        }),
    });
    session.on('error', reject);
    const pseudo = { ':authority': host, ':path': path, ':method': method };
    const stream = session.request({ ...headers, ...pseudo });
    stream.on('error', reject);
    stream.on('response', (received) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        session.close();
        const text = Buffer.concat(chunks).toString();
        const status = Number(received[':status']);
        resolve({ status, headers: received, text, protocol: 'h2' });
      });
    });
    stream.end(body);
  });
}

/** A handshake; rejects with how it failed. The caller ends the socket. */
export function shakeHands(
  port: number,
  options: {
    readonly serverName?: string;
    readonly protocols?: readonly string[];
    readonly maxVersion?: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
    readonly session?: Buffer;
  },
): Promise<TLSSocket> {
  const { serverName, protocols = ['http/1.1'], maxVersion, session } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: [...protocols] },
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(maxVersion === undefined ? {} : { maxVersion, minVersion: 'TLSv1.1' }),
      ...(session === undefined ? {} : { session }),
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.off('error', reject);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}
