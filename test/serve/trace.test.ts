/** The log level trace: each hostcall of the daemon's guests is told, and no secret with it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';

const echo = readFileSync(new URL('../guests/echo.wasm', import.meta.url));

test('hostcalls are told with the request they belong to', async () => {
  using folder = new TestFolder();
  folder.write('echo.wasm', echo);
  await using daemon = await TestDaemon.start({
    args: [folder.directory, '--log-level', 'trace'],
    threads: 1,
  });
  const answer = await fetch(`${daemon.url}/echo.wasm/a?token=t0ps3cret`, {
    method: 'POST',
    headers: { cookie: 'sid=t0ps3cret', 'x-plain': 'shown' },
    body: 't0ps3cret in the body',
  });
  expect(await answer.text()).toContain('t0ps3cret');
  const requestId = answer.headers.get('x-request-id');
  const isTraced = ({ level }: { readonly level: string }): boolean => level === 'trace';
  await daemon.waitForLog((line) => line.msg === 'request' && line.id === requestId);
  const lines = daemon.log.filter(isTraced);
  expect(lines.length).toBeGreaterThan(5);
  expect(new Set(lines.map((line) => `${line.modulePath} ${line.requestId}`))).toEqual(
    new Set([`echo.wasm ${requestId}`]),
  );
  const told = lines.map(({ msg }) => msg.replace(/ \(\d+ µs\)$/, ''));
  expect(told).toContain('hostcall_req_get_path(request=0) → out="/echo.wasm/a"…');
  expect(told).toContain('hostcall_req_get_header(request=0, name="cookie") → out=[hidden]');
  expect(told).toContain('hostcall_req_get_header(request=0, name="x-plain") → out=["shown"]');
  expect(JSON.stringify(lines)).not.toContain('t0ps3cret');
});

test('at any other level nobody is told', async () => {
  using folder = new TestFolder();
  folder.write('echo.wasm', echo);
  await using daemon = await TestDaemon.start({
    args: [folder.directory, '--log-level', 'debug'],
    threads: 1,
  });
  await (await fetch(`${daemon.url}/echo.wasm`)).text();
  await daemon.waitForLog((line) => line.msg === 'request');
  expect(daemon.log.filter(({ level }) => level === 'trace')).toEqual([]);
});
