/**
 * A daemon whose sockets belong to systemd-socket-activate, and that is started again whenever it
 * ends: as under systemd. Touches processes, loopback and a directory of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createCertificate,
  nameExtension,
  newCertificateKey,
  publicKeyInfo,
  toPem,
} from '../../src/tls/x509.ts';
import { askAdmin, changeAdmin } from '../../test/support/admin.ts';
import { waitFor } from '../../test/support/daemon.ts';
import type { Target } from './clients.ts';

const program = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const hourMs = 3_600_000;

export class SupervisedDaemon implements AsyncDisposable {
  readonly target: Target;
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #known = new Set<number>();

  private constructor(target: Target, directory: string, child: ChildProcess) {
    this.target = target;
    this.directory = directory;
    this.#child = child;
  }

  /** @param folder What is served. */
  static async start(folder: string): Promise<SupervisedDaemon> {
    const directory = mkdtempSync(path.join(tmpdir(), 'terrafirma-restart-'));
    const { cert, key } = certificate();
    const file = (name: string, text: string): string => {
      writeFileSync(path.join(directory, name), text);
      return path.join(directory, name);
    };
    const config = [
      // Plain HTTP is to be answered itself.
      '[tls]',
      'redirects = false',
      '[[tls.certificate]]',
      `certificate = ${JSON.stringify(file('cert.pem', cert))}`,
      `key = ${JSON.stringify(file('key.pem', key))}`,
    ].join('\n');
    const [port, tlsPort] = [await freePort(), await freePort()];
    const run =
      `exec ${process.execPath} --disable-warning=ExperimentalWarning ${program} serve ${folder} ` +
      `--config ${file('config.toml', config)} --threads 2 ` +
      `--state ${path.join(directory, 'state')}`;
    const over = path.join(directory, 'over');
    const loop = `while [ ! -e ${over} ]; do sh -c 'LISTEN_PID=$$ ${run}'; done`;
    const sockets = [
      '-l',
      `127.0.0.1:${port}`,
      '-l',
      `127.0.0.1:${tlsPort}`,
      '--fdname=http:https',
    ];
    const child = spawn('systemd-socket-activate', [...sockets, 'sh', '-c', loop], {
      stdio: 'ignore',
    });
    const daemon = new SupervisedDaemon({ port, tlsPort, ca: cert }, directory, child);
    // The first connection makes systemd-socket-activate start the program.
    await waitFor(async () => {
      const reply = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
      return reply === undefined ? undefined : true;
    });
    return daemon;
  }

  get #socket(): string {
    return path.join(this.directory, 'state', 'admin.sock');
  }

  /** Has it end in good order, and resolves once it has. */
  async restart(how: 'signal' | 'verb'): Promise<void> {
    const pid = await this.ready();
    this.#known.add(pid);
    if (how === 'verb') await changeAdmin(this.#socket, 'POST', '/v1/drain', {});
    else process.kill(pid, 'SIGTERM');
    await waitFor(() => (isAlive(pid) ? undefined : true));
  }

  /** The process of a daemon that serves, and was none of those before. */
  ready(): Promise<number> {
    return waitFor(async () => {
      try {
        const { status } = await askAdmin(this.#socket, '/readyz');
        const { pid } = (await askAdmin(this.#socket, '/v1/status')).json;
        return status === 200 && !this.#known.has(pid) ? (pid as number) : undefined;
      } catch {
        // Between two of them.
        return undefined;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const told = await askAdmin(this.#socket, '/v1/status').catch(() => undefined);
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    const pid: unknown = told?.json?.pid;
    if (typeof pid === 'number') process.kill(pid, 'SIGKILL');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function certificate(): { readonly cert: string; readonly key: string } {
  const key = newCertificateKey();
  const der = createCertificate(publicKeyInfo(key), {
    ...{ subject: 'restarts', issuer: 'restarts', signer: key },
    notBeforeMs: Date.now() - hourMs,
    notAfterMs: Date.now() + 24 * hourMs,
    extensions: [nameExtension('localhost')],
  });
  return { cert: toPem(der), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
