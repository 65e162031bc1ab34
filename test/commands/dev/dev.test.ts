import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { waitFor } from '../../support/daemon.ts';
import { environmentGuest } from '../../support/environment-guest.ts';
import { guestBytes, TestFolder } from '../../support/folder.ts';
import { ask } from '../../support/http.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts');

/** `terrafirma dev` in a folder, and what it has said. */
class Developing implements AsyncDisposable {
  readonly folder: TestFolder;
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor(folder: TestFolder, ...argv: readonly string[]) {
    this.folder = folder;
    this.#child = spawn(process.execPath, [program, 'dev', '--port', '0', ...argv], {
      cwd: folder.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: '/nonexistent' },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on('line', (it) => this.lines.push(it));
    }
  }

  /** Resolves once a line says so; it must be one after the first `since`. */
  async line(pattern: RegExp, since = 0): Promise<string> {
    return waitFor(() => {
      if (this.#child.exitCode !== null) throw new Error(this.lines.join('\n'));
      return this.lines.slice(since).find((line) => pattern.test(line));
    });
  }

  async port(): Promise<number> {
    return Number(new URL(await this.line(/^https?:\/\//)).port);
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await this.stop('SIGKILL');
    }
    this.folder[Symbol.dispose]();
  }
}

/** Server-sent events of a page that is open. */
async function openPage(port: number): Promise<{ events: string[]; close: () => void }> {
  const outgoing = request({ host: '127.0.0.1', port, path: '/.terrafirma/events' });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const events: string[] = [];
  response.setEncoding('utf8').on('data', (text: string) => events.push(text));
  response.on('error', () => undefined);
  return { events, close: () => outgoing.destroy() };
}

let folder: TestFolder;
beforeEach(() => {
  folder = new TestFolder();
  folder.write('src/hello.bin', guestBytes('hello'));
  folder.write('site/index.html', '<!doctype html><h1>Mine</h1>');
  folder.write(
    'project.toml',
    '[[function]]\nname = "hello.wasm"\noutput = "out.wasm"\nwatch = ["src"]\n' +
      'command = "grep -q wrong src/hello.bin && echo it is wrong && exit 1; ' +
      'cp src/hello.bin out.wasm"\n',
  );
});
afterEach(() => folder[Symbol.dispose]());

describe('terrafirma dev', () => {
  test('says that a build goes on which takes long', async () => {
    folder.write(
      'project.toml',
      '[[function]]\nname = "hello.wasm"\noutput = "out.wasm"\nwatch = ["src"]\n' +
        'command = "cp src/hello.bin out.wasm; until [ -e go ]; do sleep 0.1; done"\n',
    );
    await using dev = new Developing(folder);
    await dev.line(/^hello\.wasm {2}is being built$/);
    folder.write('go', '');
    await dev.line(/live$/);
  });

  test('builds, serves, and says so in one line', async () => {
    await using dev = new Developing(folder);
    const port = await dev.port();
    const line = await dev.line(/live$/);
    expect(line).toMatch(/^hello\.wasm {2}built \d+\.\d s {2}accepted {2}[\d.]+ \w+ {2}live$/);
    expect((await ask(port, '/hello.wasm')).text).toBe('hello\n');
    expect((await ask(port, '/')).text).toContain('<script src="/.terrafirma/dev.js"');
    await dev.line(/GET .*\/hello\.wasm → 200 replied/);
    expect(await dev.stop('SIGINT')).toBe(0);
  });

  test('builds again what has changed, and pages come anew', async () => {
    await using dev = new Developing(folder);
    const port = await dev.port();
    await dev.line(/live$/);
    const page = await openPage(port);
    const before = dev.lines.length;
    folder.write('src/hello.bin', guestBytes('v2'));
    await dev.line(/live$/, before);
    expect((await ask(port, '/hello.wasm')).text).not.toBe('hello\n');
    await waitFor(() => (page.events.join('').includes('event: reload') ? true : undefined));
    page.events.length = 0;
    folder.write('site/index.html', '<h1>Again</h1>');
    await waitFor(() => (page.events.join('').includes('event: reload') ? true : undefined));
    page.close();
  });

  test('shows a build that fails over the page, and the last good version goes on', async () => {
    await using dev = new Developing(folder);
    const port = await dev.port();
    await dev.line(/live$/);
    const page = await openPage(port);
    folder.write('src/hello.bin', 'wrong');
    const told = await waitFor(() => /data: (.*it is wrong.*)/.exec(page.events.join(''))?.[1]);
    expect(JSON.parse(told).failures).toEqual([
      { name: 'hello.wasm', reason: expect.any(String), output: 'it is wrong\n' },
    ]);
    expect((await ask(port, '/hello.wasm')).text).toBe('hello\n');
    page.events.length = 0;
    folder.write('src/hello.bin', guestBytes('v2'));
    await waitFor(() => (page.events.join('').includes('"failures":[]') ? true : undefined));
    page.close();
  });

  test('tells on an error page what the log says, with each call of the function', async () => {
    folder.write('src/hello.bin', guestBytes('trap-after-200'));
    await using dev = new Developing(folder);
    const port = await dev.port();
    await dev.line(/live$/);
    const page = await ask(port, '/hello.wasm', { headers: { accept: 'text/html' } });
    expect(page.status).toBe(500);
    const [, id] = /data-request="([^"]+)"/.exec(page.text) ?? [];
    const told = await ask(port, `/.terrafirma/requests/${id}`);
    const [first, ...calls] = JSON.parse(told.text).lines as string[];
    expect(first).toContain('/hello.wasm → 500 trapped');
    expect(calls.join('\n')).toContain('resp_set_response_code');
  });

  test.each([
    [[], /only, and others that the operator allows \(--allow-outbound\)/],
    [['--allow-outbound', '127.0.0.0/8'], /GET .*\/fetch\.wasm → 200 replied/],
  ])('with the flags %j its functions reach this machine, or not', async (flags, told) => {
    const server = createServer((_, response) => response.end('from the server'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port: serverPort } = server.address() as AddressInfo;
    folder.put('fetch', 'site/fetch.wasm');
    await using dev = new Developing(folder, ...flags);
    const port = await dev.port();
    const line = await waitFor(async () => {
      await ask(port, `/fetch.wasm?http://127.0.0.1:${serverPort}/`);
      return dev.lines.find((each) => told.test(each));
    });
    expect(line).toBeDefined();
    server.closeAllConnections();
    server.close();
  });

  test('gives programs the variables of .dev.env, and reads it again', async () => {
    folder.write('src/hello.bin', await environmentGuest());
    folder.write('.dev.env', 'GREETING=first\n');
    await using dev = new Developing(folder);
    const port = await dev.port();
    await dev.line(/live$/);
    expect((await ask(port, '/hello.wasm')).text).toContain('GREETING=first');
    folder.write('.dev.env', 'GREETING="second one"\n');
    await dev.line(/^\.dev\.env {2}read again$/);
    expect((await ask(port, '/hello.wasm')).text).toContain('GREETING=second one');
  });

  test('tells nothing of the log to a page with a name of its own', async () => {
    await using dev = new Developing(folder);
    const port = await dev.port();
    for (const host of ['evil.example', 'evil.example:8080', 'localhost.evil.example']) {
      expect((await ask(port, '/.terrafirma/requests/x', { host })).status).toBe(421);
    }
    expect((await ask(port, '/.terrafirma/dev.js', { host: `localhost:${port}` })).status).toBe(
      200,
    );
  });

  test('leads to the dashboard of its daemon, for one browser', async () => {
    await using dev = new Developing(folder);
    const port = await dev.port();
    await dev.line(/live$/);
    const { headers, status } = await ask(port, '/.terrafirma/');
    expect(status).toBe(302);
    expect(headers.location).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#.+/);
    const { origin } = new URL(headers.location ?? '');
    expect((await fetch(origin)).headers.get('content-type')).toContain('text/html');
  });

  test('passes WebSockets on', async () => {
    folder.put('echo', 'site/echo.wasm');
    await using dev = new Developing(folder);
    const port = await dev.port();
    await dev.line(/live$/);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/echo.wasm`);
    const [error] = await once(socket, 'error');
    // It is no program for WebSockets: the answer is the daemon's own.
    expect(String(error)).toContain('404');
  });

  test('refuses a network that is none', async () => {
    await using dev = new Developing(folder, '--allow-outbound', 'everything');
    await expect(dev.port()).rejects.toThrow(/--allow-outbound: .*received "?everything/);
  });

  test('refuses a port that is none, and a project that is none', async () => {
    await using dev = new Developing(new TestFolder());
    await waitFor(() => (dev.lines.length > 0 ? true : undefined));
    expect(dev.lines.join('\n')).toContain('"terrafirma new" makes a project');
  });
});
