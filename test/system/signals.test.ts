import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask, statusOf } from '../support/http.ts';

const PROGRAM = join(import.meta.dirname, '../../src/main.ts');

describe('starting and stopping', () => {
  const folder = new TestFolder();

  beforeAll(() => {
    folder.put('hello');
    folder.put('echo');
  });
  afterAll(() => folder[Symbol.dispose]());

  const serveAgain = (port: number, state: string): ReturnType<typeof spawnSync> =>
    spawnSync(
      process.execPath,
      [PROGRAM, 'serve', folder.directory, '--listen', `127.0.0.1:${port}`, '--state', state],
      { encoding: 'utf8', timeout: 20_000 },
    );

  test('ends with 0 on SIGTERM', async () => {
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    expect((await ask(daemon.port, '/hello.wasm')).status).toBe(200);
    expect(await daemon.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test('finishes the request that is under way, and takes a doubled signal for one', async () => {
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    const socket = connect({ host: '127.0.0.1', port: daemon.port });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write('POST /echo.wasm HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf');
    // The server has the head once it has answered a later connection.
    for (let round = 0; round < 5; round += 1) await ask(daemon.port, '/hello.wasm');
    daemon.child.kill('SIGTERM');
    daemon.child.kill('SIGTERM');
    setTimeout(() => socket.write('half'), 300);
    const ended = await daemon.stop('SIGCONT');
    expect(statusOf(Buffer.concat(chunks).toString())).toBe(200);
    expect(Buffer.concat(chunks).toString()).toMatch(/halfhalf$/);
    expect(ended).toEqual({ code: 0, signal: null });
  });

  test('says that other signals do nothing, and opens no inspector', async () => {
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      daemon.child.kill(signal);
      const line = await daemon.waitForLog(({ signal: told }) => told === signal);
      expect(line.msg).toBe(`${signal} does nothing here`);
    }
    expect((await ask(daemon.port, '/hello.wasm')).status).toBe(200);
    expect(await daemon.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(daemon.complaints).toEqual([]);
  });

  test('does not wait for the drain limit on SIGQUIT', async () => {
    await using daemon = await TestDaemon.start({
      args: [folder.directory],
      env: { TERRAFIRMA_LIMITS_DRAIN_MS: '600000' },
    });
    const socket = connect({ host: '127.0.0.1', port: daemon.port });
    socket.on('error', () => socket.destroy());
    socket.write('POST /echo.wasm HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf');
    for (let round = 0; round < 5; round += 1) await ask(daemon.port, '/hello.wasm');
    expect(await daemon.stop('SIGQUIT')).toEqual({ code: 0, signal: null });
    socket.destroy();
  });

  test('refuses a port that is in use', async () => {
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    const second = serveAgain(daemon.port, `${daemon.stateDirectory}-second`);
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/Cannot listen: .*another program listens there.*127\.0\.0\.1:/);
  });

  test('refuses a state directory that is in use', async () => {
    await using daemon = await TestDaemon.start({ args: [folder.directory] });
    const second = serveAgain(0, daemon.stateDirectory);
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/Cannot start: another daemon uses the state directory/);
  });

  test('starts again at once after it was killed', async () => {
    await using first = await TestDaemon.start({ args: [folder.directory] });
    await first.stop('SIGKILL');
    await using second = await TestDaemon.start({
      args: [folder.directory],
      stateDirectory: first.stateDirectory,
    });
    expect((await ask(second.port, '/hello.wasm')).text).toBe('hello\n');
  });

  test('listens on IPv6', async () => {
    await using daemon = await TestDaemon.start({
      args: [folder.directory, '--listen', '[::1]:0'],
    });
    expect(daemon.log[0]?.listening).toEqual([`http://[::1]:${daemon.port}`]);
  });
});
