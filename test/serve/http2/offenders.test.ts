import { afterEach, describe, expect, test } from 'vitest';
import { Http2Offenders } from '../../../src/serve/http2/offenders.ts';
import { shakeHands } from '../../support/tls-client.ts';
import { FrameClient, listenSecurely, type SecureListener } from '../../support/tls-listener.ts';

function sessionError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error('as told'), { code });
}

describe('addresses that misuse HTTP/2', () => {
  test('may not use it for half a minute', () => {
    let nowMs = 0;
    const offenders = new Http2Offenders(() => nowMs);
    offenders.noteEnd('192.0.2.1', sessionError('ERR_HTTP2_ERROR'));
    expect(offenders.mayUseHttp2('192.0.2.1')).toBe(false);
    expect(offenders.mayUseHttp2('192.0.2.2')).toBe(true);
    nowMs = 30_000;
    expect(offenders.mayUseHttp2('192.0.2.1')).toBe(true);
  });

  test('are not those whose network failed, or who left with an error of their own', () => {
    const offenders = new Http2Offenders(() => 0);
    for (const code of ['ECONNRESET', 'ERR_HTTP2_SESSION_ERROR']) {
      offenders.noteEnd('192.0.2.1', sessionError(code));
    }
    expect(offenders.mayUseHttp2('192.0.2.1')).toBe(true);
  });

  test('are those that break off more than 400 requests over all connections', () => {
    const offenders = new Http2Offenders(() => 0);
    for (let count = 0; count < 400; count += 1) offenders.noteReset('2001:db8::1');
    expect(offenders.mayUseHttp2('2001:db8::1')).toBe(true);
    // Another address of the same network is the same client.
    offenders.noteReset('2001:db8::2');
    expect(offenders.mayUseHttp2('2001:db8::1')).toBe(false);
    expect(offenders.mayUseHttp2('2001:db8:1::1')).toBe(true);
  });
});

describe('a TLS listener', () => {
  let running: SecureListener;

  afterEach(async () => {
    await running[Symbol.asyncDispose]();
  });

  const flood = Array.from({ length: 2_000 }, (_, n) => [
    FrameClient.get(2 * n + 1),
    FrameClient.reset(2 * n + 1),
  ]).flat();

  test('gives who floods it HTTP/1.1 alone from then on', async () => {
    running = await listenSecurely();
    const client = await FrameClient.open(running.port);
    client.send(...flood);
    await client.closed;
    await expect(FrameClient.open(running.port)).rejects.toThrow(/no application protocol/i);
    const options = { serverName: 'site.test', protocols: ['h2', 'http/1.1'] };
    const socket = await shakeHands(running.port, options);
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  test('counts what is broken off over all connections', async () => {
    running = await listenSecurely({ http2ResetsMax: 1_000 }, () => new Promise(() => undefined));
    for (let connections = 0; connections < 5; connections += 1) {
      const client = await FrameClient.open(running.port);
      for (let id = 1; id < 200; id += 2) client.send(FrameClient.get(id));
      client.send(FrameClient.ping());
      await expect.poll(() => client.frames.some((frame) => frame.type === 6)).toBe(true);
      client.destroy();
      await client.closed;
    }
    await expect(FrameClient.open(running.port)).rejects.toThrow(/no application protocol/i);
  });

  test('does not mind who speaks no HTTP/2 at all', async () => {
    running = await listenSecurely();
    for (let count = 0; count < 3; count += 1) {
      const socket = await shakeHands(running.port, { serverName: 'site.test', protocols: ['h2'] });
      socket.on('error', () => socket.destroy());
      socket.end('GET / HTTP/1.1\r\nhost: site.test\r\n\r\n');
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
    }
    (await FrameClient.open(running.port)).destroy();
  });

  test('lets trusted proxies break off what their visitors do', async () => {
    running = await listenSecurely({}, undefined, ['127.0.0.0/8']);
    const client = await FrameClient.open(running.port);
    client.send(...flood);
    await client.closed;
    (await FrameClient.open(running.port)).destroy();
  });
});
