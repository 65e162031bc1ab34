/**
 * Restarts that lose nothing: the sockets belong to somebody who stays, and a datagram socket hears
 * how the daemon is. Skipped without systemd-socket-activate.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askAdmin, changeAdmin } from '../support/admin.ts';
import { waitFor } from '../support/daemon.ts';
import { TestFolder } from '../support/folder.ts';

const hasActivate = spawnSync('systemd-socket-activate', ['--version']).status === 0;
const program = join(import.meta.dirname, '../../src/main.ts');
const restarts = 5;
const clients = 8;

test.skipIf(!hasActivate)(
  `${restarts} restarts under load answer every request (skipped without systemd-socket-activate)`,
  { timeout: 180_000 },
  async () => {
    using folder = new TestFolder();
    folder.put('hello');
    folder.put('echo');
    const state = mkdtempSync(join(tmpdir(), 'terrafirma-restart-'));
    const port = await freePort();
    const supervisor = startSupervisor(folder.directory, state, port);
    const socket = join(state, 'admin.sock');
    const load = { answered: 0, failed: [] as string[], isOver: false };
    try {
      // The first connection makes systemd-socket-activate start the program.
      await waitFor(() =>
        visit(port, { method: 'GET', path: '/hello.wasm' }).catch(() => undefined),
      );
      const pids = new Set<number>();
      const work = Array.from({ length: clients }, (_, at) => sendAll(port, load, at % 2 === 1));
      for (let restart = 0; restart < restarts; restart += 1) {
        const pid = await pidOf(socket, pids);
        pids.add(pid);
        const before = load.answered;
        await waitFor(() => (load.answered > before + 50 ? true : undefined));
        // Once by the admin listener: the same as the signal.
        if (restart === 0) await changeAdmin(socket, 'POST', '/v1/drain', {});
        else process.kill(pid, 'SIGTERM');
        await waitFor(() => (isAlive(pid) ? undefined : true));
      }
      await pidOf(socket, pids);
      load.isOver = true;
      await Promise.all(work);
      expect(load.failed).toEqual([]);
      expect(load.answered).toBeGreaterThan(restarts * 50);
    } finally {
      load.isOver = true;
      await stopAll(supervisor, socket);
      rmSync(state, { recursive: true, force: true });
    }
  },
);

/** Starts the daemon again whenever it ends, with the same socket. */
function startSupervisor(folder: string, state: string, port: number): ChildProcess {
  const run =
    `exec ${process.execPath} --disable-warning=ExperimentalWarning ${program} serve ${folder} ` +
    `--state ${state} --threads 2`;
  const loop = `while [ ! -e ${state}/over ]; do sh -c 'LISTEN_PID=$$ ${run}'; done`;
  const args = ['-l', `127.0.0.1:${port}`, '--fdname=http', 'sh', '-c', loop];
  return spawn('systemd-socket-activate', args, { stdio: 'ignore' });
}

async function stopAll(supervisor: ChildProcess, socket: string): Promise<void> {
  const { json } = await askAdmin(socket, '/v1/status').catch(() => ({ json: undefined }));
  const exited = once(supervisor, 'exit');
  supervisor.kill('SIGKILL');
  if (typeof json?.pid === 'number') process.kill(json.pid, 'SIGKILL');
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}

/** Of a daemon that serves, and is none of those known. */
function pidOf(socket: string, known: ReadonlySet<number>): Promise<number> {
  return waitFor(async () => {
    try {
      const ready = await askAdmin(socket, '/readyz');
      const { pid } = (await askAdmin(socket, '/v1/status')).json;
      return ready.status === 200 && !known.has(pid) ? pid : undefined;
    } catch {
      return undefined;
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

interface Load {
  answered: number;
  readonly failed: string[];
  isOver: boolean;
}

/** One request after the other on a kept connection, every second client's with a body. */
async function sendAll(port: number, load: Load, hasBody: boolean): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const asked = hasBody
    ? { method: 'POST', path: '/echo.wasm', body: 'x'.repeat(1_000) }
    : { method: 'GET', path: '/hello.wasm' };
  while (!load.isOver) {
    try {
      const status = await visit(port, asked, agent);
      if (status !== 200) load.failed.push(`${asked.path} ${status}`);
      load.answered += 1;
    } catch (error) {
      load.failed.push(`${asked.path} ${String(error)}`);
    }
  }
  agent.destroy();
}

async function visit(
  port: number,
  asked: { readonly method: string; readonly path: string; readonly body?: string },
  agent?: Agent,
): Promise<number> {
  const { body, method, path } = asked;
  const outgoing = request({
    ...{ host: '127.0.0.1', port, method, path },
    ...(agent === undefined ? {} : { agent }),
  });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  for await (const _ of response);
  return response.statusCode;
}
