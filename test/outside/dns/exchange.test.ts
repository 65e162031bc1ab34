import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { exchangeMessage } from '../../../src/outside/dns/exchange.ts';
import { encodeQuery, isReplyTo, rcodeOf, withId } from '../../../src/outside/dns/wire.ts';
import { startDnsServer } from '../../support/dns-server.ts';

const query = withId(encodeQuery({ name: 'a.example', type: 'A' }), 0x1234);
const options = {
  timeoutMs: 5_000,
  attemptsMax: 1,
  replyBytesMax: 4_096,
  isUsable: (reply: Uint8Array) => rcodeOf(reply) === 0,
};

test('each sending has its own port and its own id', async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const seen: { port: number; id: number }[] = [];
  socket.on('message', (message, from) => {
    seen.push({ port: from.port, id: message.readUInt16BE(0) });
    const reply = Buffer.from(message);
    reply[2] = 0x81;
    socket.send(reply, from.port, from.address);
  });
  const servers = [{ host: '127.0.0.1', port: socket.address().port }];
  for (let index = 0; index < 20; index += 1) {
    const reply = await exchangeMessage(query, { ...options, servers });
    expect(isReplyTo(query, reply)).toBe(true);
  }
  expect(new Set(seen.map(({ port }) => port)).size).toBeGreaterThan(10);
  expect(new Set(seen.map(({ id }) => id)).size).toBeGreaterThan(10);
  socket.close();
});

test('a reply from another address is not seen', async () => {
  const server = createSocket('udp4');
  const stranger = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  stranger.bind(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(stranger, 'listening')]);
  server.on('message', (message, from) => {
    const reply = Buffer.from(message);
    reply[2] = 0x81;
    reply[3] = 0;
    const forged = Buffer.from(reply);
    forged[3] = 3;
    stranger.send(forged, from.port, from.address, () => {
      server.send(reply, from.port, from.address);
    });
  });
  const servers = [{ host: '127.0.0.1', port: server.address().port }];
  const isUsable = (): boolean => true;
  const reply = await exchangeMessage(query, { ...options, servers, isUsable });
  expect(rcodeOf(reply)).toBe(0);
  server.close();
  stranger.close();
});

test('the last unusable reply is better than none', async () => {
  await using refusing = await startDnsServer({ 'a.example': { rcode: 'refused' } });
  const gone = await startDnsServer();
  await gone.close();
  const reply = await exchangeMessage(query, { ...options, servers: [refusing, gone] });
  expect(rcodeOf(reply)).toBe(5);
});

test('without servers the exchange fails', async () => {
  await expect(exchangeMessage(query, { ...options, servers: [] })).rejects.toMatchObject({
    code: 'dns-failed',
  });
});

test('a reply over UDP that is too long is a failure', async () => {
  await using server = await startDnsServer({ 'a.example': { a: ['192.0.2.1'] } });
  const atMost = (replyBytesMax: number) =>
    exchangeMessage(query, { ...options, servers: [server], replyBytesMax });
  expect((await atMost(43)).length).toBe(43);
  await expect(atMost(42)).rejects.toThrow('a reply of 43 bytes, where 42 are allowed');
});

/** Cuts every answer over UDP, and does over TCP what `onConnection` says. */
async function startCuttingServer(onConnection: (socket: Socket) => void) {
  const udp = createSocket('udp4');
  const sockets: Socket[] = [];
  const tcp = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  udp.on('message', (message, from) => {
    const reply = Buffer.from(message);
    reply[2] = 0x83;
    udp.send(reply, from.port, from.address);
  });
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    udp.close();
    tcp.close();
  };
  return { servers: [{ host: '127.0.0.1', port }], [Symbol.dispose]: close };
}

test('a TCP server that announces too much is left at once', async () => {
  using server = await startCuttingServer((socket) => socket.write(Buffer.from('1001', 'hex')));
  const { servers } = server;
  await expect(exchangeMessage(query, { ...options, servers })).rejects.toThrow(
    'a reply of 4097 bytes, where 4096 are allowed',
  );
});

test('a TCP server that never goes on is given up', async () => {
  using server = await startCuttingServer((socket) => socket.write(Buffer.from('0020', 'hex')));
  const { servers } = server;
  await expect(exchangeMessage(query, { ...options, servers, timeoutMs: 100 })).rejects.toThrow(
    'no reply within 100 ms',
  );
});

test('a TCP reply that belongs to another query is a failure', async () => {
  using server = await startCuttingServer((socket) => {
    socket.write(Buffer.concat([Buffer.from([0, query.length]), query]));
  });
  const { servers } = server;
  await expect(exchangeMessage(query, { ...options, servers })).rejects.toThrow(
    'a reply that does not match the query',
  );
});

test('a TCP reply may come byte by byte', async () => {
  using server = await startCuttingServer((socket) => {
    socket.on('data', (frame: Buffer) => {
      const reply = Buffer.from(frame);
      reply[4] = 0x81;
      for (const byte of reply) socket.write(Uint8Array.of(byte));
    });
  });
  const { servers } = server;
  const reply = await exchangeMessage(query, { ...options, servers });
  expect(isReplyTo(query, reply)).toBe(true);
});

test('a budget holds for all sendings together, and leaves each server its share', async () => {
  await using silent = await startDnsServer({ 'a.example': { isSilent: true } });
  await using server = await startDnsServer({ 'a.example': { a: ['192.0.2.1'] } });
  const asked = { ...options, timeoutMs: 3_600_000, budgetMs: 400 };
  const reply = await exchangeMessage(query, { ...asked, servers: [silent, server] });
  expect(rcodeOf(reply)).toBe(0);
  await expect(
    exchangeMessage(query, { ...asked, servers: [silent, silent] }),
  ).rejects.toMatchObject({ code: 'dns-timeout' });
});
