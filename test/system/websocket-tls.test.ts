import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { FOLDER, SecureWorld } from '../support/secure-daemon.ts';
import { askHttp1 } from '../support/tls-client.ts';
import { echoGuest } from '../support/websocket-guests.ts';

describe('a WebSocket where there is HTTPS', () => {
  let world: SecureWorld;

  beforeAll(async () => {
    world = await SecureWorld.prepare();
    writeFileSync(world.mount.path(`${FOLDER}/echo.wasm`), await echoGuest());
    await world.startDaemon();
    world.point('site.test');
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  test('is opened by wss', async () => {
    const { ca, tlsPort } = world;
    await askHttp1(tlsPort, '/echo.wasm', { serverName: 'site.test', ca });
    const options = { ca, servername: 'site.test', headers: { host: 'site.test' } };
    const socket = new WebSocket(`wss://127.0.0.1:${tlsPort}/echo.wasm`, options);
    const text = await new Promise((resolve, reject) => {
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data) => resolve(String(data)));
      socket.on('error', reject);
      socket.on('unexpected-response', (_request, { statusCode }) => reject(statusCode));
    });
    expect(text).toBe('hello');
    socket.close();
  });

  test('is sent there by ws', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${world.daemon.port}/echo.wasm`, {
      headers: { host: 'site.test' },
    });
    const answer = await new Promise((resolve, reject) => {
      socket.on('open', () => reject(new Error('it was opened')));
      socket.on('unexpected-response', (_request, { statusCode, headers }) =>
        resolve([statusCode, headers.location]),
      );
      socket.on('error', reject);
    });
    expect(answer).toEqual([308, `https://site.test:${world.tlsPort}/echo.wasm`]);
    socket.terminate();
  });
});
