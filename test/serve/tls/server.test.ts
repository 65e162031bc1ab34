import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { readClientHello } from '../../../src/serve/tls/client-hello.ts';
import { askHttp1, shakeHands } from '../../support/tls-client.ts';
import { listenSecurely, type SecureListener } from '../../support/tls-listener.ts';

/** A ClientHello as a client would send it, taken off the wire. */
async function recordHello(serverName: string, protocols: readonly string[]): Promise<Buffer> {
  const { createServer } = await import('node:net');
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.once('data', (chunk: Buffer) => {
        socket.destroy();
        server.close();
        resolve(chunk);
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      shakeHands(address.port, { serverName, protocols }).catch(() => undefined);
    });
  });
}

describe('a ClientHello', () => {
  test('tells the name and the protocols', async () => {
    const bytes = await recordHello('site.test', ['h2', 'http/1.1']);
    const protocols = ['h2', 'http/1.1'];
    const message = bytes.subarray(5);
    const hello = { serverName: 'site.test', protocols, message };
    expect(readClientHello(bytes)).toEqual({ kind: 'whole', hello });
  });

  test('is partial until its last byte, however it is cut', async () => {
    const bytes = await recordHello('site.test', ['acme-tls/1']);
    for (let length = 1; length < bytes.length; length += 1) {
      expect(readClientHello(bytes.subarray(0, length)).kind).toBe('partial');
    }
  });

  test('is read over several records', async () => {
    const bytes = await recordHello('site.test', []);
    const message = bytes.subarray(5);
    const records: Buffer[] = [];
    for (let at = 0; at < message.length; at += 50) {
      const part = message.subarray(at, at + 50);
      records.push(Buffer.from([22, 3, 1, 0, part.length]), part);
    }
    expect(readClientHello(Buffer.concat(records))).toMatchObject({
      kind: 'whole',
      hello: { serverName: 'site.test' },
    });
  });

  test.each([
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['another record', Buffer.from([23, 3, 1, 0, 5, 1, 2, 3, 4, 5])],
    ['another message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['a length beyond the limit', Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255])],
    ['lengths that lie', Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3])],
  ])('is not %s', (_, bytes) => {
    expect(readClientHello(bytes).kind).toBe('malformed');
  });

  test('survives every change of one byte', async () => {
    const bytes = await recordHello('site.test', ['h2']);
    for (let at = 0; at < bytes.length; at += 1) {
      for (const value of [0, 1, 127, 255]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        expect(() => readClientHello(changed)).not.toThrow();
      }
    }
  });
});

describe('a TLS listener', () => {
  let running: SecureListener;

  afterEach(async () => {
    await running[Symbol.asyncDispose]();
  });

  test('refuses unknown names with an alert, and asks about each once', async () => {
    running = await listenSecurely();
    for (let count = 0; count < 3; count += 1) {
      const shaken = shakeHands(running.port, { serverName: 'other.test' });
      await expect(shaken).rejects.toThrow(/unrecognized name/);
    }
    expect(running.asked).toEqual(['other.test']);
  });

  test('takes an address in place of a name for no name', async () => {
    running = await listenSecurely();
    // As wrk and old clients send it; Node.js refuses to.
    const named = await recordHello('123456789', []);
    const hello = Buffer.from(named.toString('latin1').replace('123456789', '127.0.0.1'), 'latin1');
    const socket = connect({ host: '127.0.0.1', port: running.port });
    socket.on('error', () => socket.destroy());
    socket.end(hello);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(running.asked).toEqual(['']);
  });

  test('speaks HTTP/1.0 with whoever offers that alone; nothing that nobody speaks', async () => {
    running = await listenSecurely();
    const options = { serverName: 'site.test', ca: running.ca };
    const socket = await shakeHands(running.port, { ...options, protocols: ['http/1.0'] });
    expect(socket.alpnProtocol).toBe('http/1.0');
    socket.destroy();
    const strange = shakeHands(running.port, { ...options, protocols: ['http/0.9'] });
    await expect(strange).rejects.toThrow(/no application protocol/);
  });

  test('asks once for equal names, and again when certificates have changed', async () => {
    running = await listenSecurely();
    const options = { serverName: 'site.test', ca: running.ca };
    await Promise.all(Array.from({ length: 5 }, () => askHttp1(running.port, '/', options)));
    expect(running.asked).toEqual(['site.test']);
    running.contexts.expireAll();
    await askHttp1(running.port, '/', options);
    expect(running.asked).toEqual(['site.test', 'site.test']);
  });

  test('keeps only so many certificates at hand', async () => {
    running = await listenSecurely({ tlsContextsMax: 1 });
    for (const name of ['a.test', 'b.test', 'c.test', 'd.test', 'e.test', 'a.test']) {
      await shakeHands(running.port, { serverName: name }).catch(() => undefined);
    }
    // Refusals are remembered four times as many: the sixth name was pushed out by the fifth.
    expect(running.asked).toEqual(['a.test', 'b.test', 'c.test', 'd.test', 'e.test', 'a.test']);
  });

  test('gives up on a hello that does not arrive, however it drips', async () => {
    running = await listenSecurely({ headerTimeoutMs: 300 });
    const socket = connect({ host: '127.0.0.1', port: running.port, noDelay: true });
    const answer: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => answer.push(chunk));
    socket.on('error', () => socket.destroy());
    // A record of 512 bytes, of which a few come: not as many pieces as end a connection by count.
    const hello = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252]), Buffer.alloc(508)]);
    let sent = 0;
    const drip = setInterval(() => {
      sent += 1;
      socket.write(hello.subarray(sent - 1, sent));
    }, 50);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(drip);
    expect(sent).toBeGreaterThan(1);
    expect(sent).toBeLessThan(32);
    expect(answer).toEqual([]);
    expect(running.asked).toEqual([]);
    // Nobody else was kept from it.
    (await shakeHands(running.port, { serverName: 'site.test' })).destroy();
  });

  test('gives up on a hello that comes byte by byte', async () => {
    running = await listenSecurely();
    const hello = await recordHello('site.test', ['http/1.1']);
    const socket = connect({ host: '127.0.0.1', port: running.port, noDelay: true });
    socket.on('error', () => socket.destroy());
    socket.resume();
    let isClosed = false;
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => {
        isClosed = true;
        resolve();
      });
    });
    let sent = 0;
    for (; sent < hello.length - 1 && !isClosed; sent += 1) {
      socket.write(hello.subarray(sent, sent + 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await closed;
    expect(sent).toBeLessThan(hello.length - 1);
  });

  test('gives up on a handshake that does not go on', async () => {
    running = await listenSecurely({ headerTimeoutMs: 300 });
    const hello = await recordHello('site.test', ['http/1.1']);
    const socket = connect({ host: '127.0.0.1', port: running.port });
    socket.on('error', () => socket.destroy());
    socket.write(hello);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
  });

  /** All that comes back until the connection ends. */
  async function tell(port: number, bytes: string): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => socket.destroy());
    socket.write(bytes, 'latin1');
    let text = '';
    socket.setEncoding('latin1').on('data', (piece) => {
      text += piece;
    });
    socket.once('end', () => socket.end());
    await new Promise((resolve) => socket.once('close', resolve));
    return text;
  }

  test('drops what is neither TLS nor HTTP', async () => {
    running = await listenSecurely();
    expect(await tell(running.port, 'SSH-2.0-x\r\n')).toBe('');
    expect(await tell(running.port, 'get / HTTP/1.1\r\n\r\n')).toBe('');
    expect(running.exchanges.length).toBe(0);
  });

  test.each([
    'GET /a HTTP/1.1\r\nhost: site.test\r\n\r\n',
    // More than is looked at: it still comes while the answer leaves.
    `POST /a HTTP/1.1\r\nhost: site.test\r\ncontent-length: 200000\r\n\r\n${'x'.repeat(200_000)}`,
  ])('says what is wrong with plain HTTP', async (request) => {
    running = await listenSecurely();
    const answer = await tell(running.port, request);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('its address must begin with https://');
    expect(running.exchanges.length).toBe(0);
    const [record] = running.rejected;
    expect(record).toMatchObject({ status: 400, path: '/a', errorCode: 'bad-request' });
    expect(answer).toContain(`x-request-id: ${record?.id}`);
  });

  test('does not wait for connections that have not begun when it drains', async () => {
    running = await listenSecurely({ headerTimeoutMs: 60_000 });
    const socket = connect({ host: '127.0.0.1', port: running.port });
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.on('error', () => socket.destroy());
    // The server has accepted once a later connection was answered.
    await askHttp1(running.port, '/', { serverName: 'site.test', ca: running.ca });
    await running.listener.drain(60_000);
    socket.destroy();
  });

  test('takes no session of older ticket keys', async () => {
    running = await listenSecurely();
    const options = { serverName: 'site.test', maxVersion: 'TLSv1.2' } as const;
    const first = await shakeHands(running.port, options);
    const session = first.getSession();
    first.destroy();
    if (session === undefined) throw new Error('no session');
    const again = await shakeHands(running.port, { ...options, session });
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
    running.listener.setTicketKeys(Buffer.alloc(48, 2));
    const late = await shakeHands(running.port, { ...options, session });
    expect(late.isSessionReused()).toBe(false);
    late.destroy();
  });
});
