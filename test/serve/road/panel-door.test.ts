import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Account } from '../../../src/account/account.ts';
import { createSharedAccount } from '../../../src/account/shared.ts';
import type { HostName } from '../../../src/names.ts';
import { PanelDoor } from '../../../src/serve/road/panel-door.ts';
import { waitFor } from '../../support/daemon.ts';
import { askHttp1 } from '../../support/tls-client.ts';
import { listenSecurely } from '../../support/tls-listener.ts';

test('the head of a stream shows before anything of its body is there', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'panel-door-'));
  const socketPath = join(directory, 'panel.sock');
  const panel = createServer((_incoming, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
  }).listen(socketPath);
  await once(panel, 'listening');
  const hostName = 'site.test' as HostName;
  const door = new PanelDoor({ hostName, socketPath, requestsMax: 4 });
  await using listener = await listenSecurely({}, (exchange) => door.answer(exchange));
  const outgoing = request({
    ...{ host: '127.0.0.1', port: listener.port, servername: hostName, ca: listener.ca },
    ...{ path: '/v1/events', headers: { host: hostName }, agent: false },
  });
  outgoing.on('error', () => outgoing.destroy());
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  expect(response.headers['content-type']).toBe('text/event-stream');
  outgoing.destroy();
  panel.closeAllConnections();
  panel.close();
  rmSync(directory, { recursive: true });
});

test('one client has half of what a thread brings at once, and others have theirs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'panel-door-'));
  const socketPath = join(directory, 'panel.sock');
  const held: ServerResponse[] = [];
  const panel = createServer((_incoming, response) => held.push(response)).listen(socketPath);
  await once(panel, 'listening');
  const hostName = 'site.test' as HostName;
  const door = new PanelDoor({ hostName, socketPath, requestsMax: 4 });
  await using listener = await listenSecurely({}, (exchange) => door.answer(exchange));
  const ask = (localAddress: string) =>
    askHttp1(listener.port, '/v1/session', {
      ...{ serverName: 'site.test', ca: listener.ca, localAddress },
    });
  const many = [1, 2, 3].map(() => ask('127.0.4.1'));
  await waitFor(() => held.length === 3 || undefined);
  expect((await ask('127.0.4.1')).status).toBe(503);
  const other = ask('127.0.4.2');
  await waitFor(() => held.length === 4 || undefined);
  // All that there is.
  expect((await ask('127.0.4.3')).status).toBe(503);
  for (const response of held.splice(0)) response.end('answered');
  const replies = await Promise.all([...many, other]);
  expect(replies.map(({ text }) => text)).toEqual(Array.from({ length: 4 }, () => 'answered'));
  const again = ask('127.0.4.1');
  await waitFor(() => held.length === 1 || undefined);
  held.at(0)?.end('again');
  expect((await again).text).toBe('again');
  panel.closeAllConnections();
  panel.close();
  rmSync(directory, { recursive: true });
});

test('a body is on the account as it comes, and no larger than the panel takes', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'panel-door-'));
  const socketPath = join(directory, 'panel.sock');
  const panel = createServer(async (incoming, response) => response.end(await text(incoming)));
  await once(panel.listen(socketPath), 'listening');
  const account = new Account(
    createSharedAccount({ threads: 1, bytesMax: 2 ** 30, memoriesMax: 100 }),
    0,
  );
  const hostName = 'site.test' as HostName;
  const door = new PanelDoor({ hostName, socketPath, requestsMax: 4 });
  await using listener = await listenSecurely({}, (exchange) => {
    exchange.chargeTo(account.common);
    return door.answer(exchange);
  });
  const post = (body: string) =>
    askHttp1(listener.port, '/', { serverName: hostName, ca: listener.ca, method: 'POST', body });
  expect(await post('{"a":1}')).toMatchObject({ status: 200, text: '{"a":1}' });
  expect((await post('x'.repeat(1024 * 1024 + 1))).status).toBe(413);
  const half = request({
    ...{ host: '127.0.0.1', port: listener.port, servername: hostName, ca: listener.ca },
    ...{ method: 'POST', headers: { host: hostName, 'content-length': '100000' }, agent: false },
  });
  half.on('error', () => undefined);
  half.write('x'.repeat(50_000));
  await waitFor(() => account.heldBy('request-body') >= 50_000 || undefined);
  half.destroy();
  await waitFor(() => account.heldBy('request-body') === 0 || undefined);
  panel.close();
  rmSync(directory, { recursive: true });
});
