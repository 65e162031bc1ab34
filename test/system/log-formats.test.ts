/** What other programs read of the log, written by a real daemon. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, fstatSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TestDaemon, waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';
import { ask } from '../support/http.ts';

/** A ceiling for a machine that is very busy. */
const waitMsMax = 240_000;
const program = join(import.meta.dirname, '../../src/main.ts');

test('the file of requests, also after it was renamed', { timeout: 500_000 }, async () => {
  using folder = new TestFolder();
  using place = new TestFolder();
  folder.put('hello');
  const file = place.path('access.log');
  await using daemon = await TestDaemon.start({
    args: [folder.directory],
    env: { TERRAFIRMA_LOG_ACCESS_FILE: file, TERRAFIRMA_LOG_ACCESS_FORMAT: 'w3c' },
  });
  const read = (name: string): string => (existsSync(name) ? readFileSync(name, 'utf8') : '');
  // Before its verdict it is answered 503.
  const first = await waitFor(async () => {
    const headers = { 'user-agent': 'Browser 1', referer: 'https://a.example/b?token=y' };
    await ask(daemon.port, '/hello.wasm?token=x', { headers });
    return read(file).includes('/hello.wasm 200') ? read(file) : undefined;
  }, waitMsMax);
  expect(first).toMatch(/^#Version: 1\.0\n#Fields: date time c-ip /);
  expect(first).toContain(' HTTP/1.1 Browser%201 https://a.example/b\n');
  expect(first).not.toContain('token');
  renameSync(file, `${file}.1`);
  await waitFor(async () => {
    await ask(daemon.port, '/again.wasm');
    return read(file).includes('/again.wasm 404') ? true : undefined;
  }, waitMsMax);
  expect(read(file)).toMatch(/^#Version/);
});

test('lines for systemd’s journal begin with their priority', { timeout: 500_000 }, async () => {
  using folder = new TestFolder();
  using place = new TestFolder();
  folder.put('hello');
  // A file stands for the stream: what counts is that it is the one that is named.
  const file = place.path('journal');
  const fd = openSync(file, 'w');
  const { dev, ino } = fstatSync(fd);
  const state = place.path('state');
  const args = ['serve', folder.directory, '--listen', '127.0.0.1:0', '--state', state];
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', fd, 'inherit'],
    env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` },
  });
  const text = await waitFor(() => {
    const told = readFileSync(file, 'utf8');
    return told.includes('"event":"serving"') ? told : undefined;
  }, waitMsMax);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  rmSync(state, { recursive: true, force: true });
  for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^<[2-7]>\{"level":/);
});
