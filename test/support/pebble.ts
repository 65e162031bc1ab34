/** Edge: child processes. Pebble, the ACME server of Let's Encrypt for tests, on loopback. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from './acme-authority.ts';
import { waitFor } from './daemon.ts';

const DAY_MS = 86_400_000;

/** Whether the program is on this machine (Debian: package pebble). */
export function hasPebble(): boolean {
  return spawnSync('pebble', ['-version']).error === undefined;
}

export interface PebbleRules {
  /** Where it looks for challenges. */
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly dnsServer: string;
  /** Of a hundred signed requests, so many get badNonce. */
  readonly noncesRejected?: number;
  /** Lifetime of what it issues, in seconds. */
  readonly lifetimeS?: number;
  /** Key id → key, base64url: accounts must be bound to one. */
  readonly externalKeys?: Readonly<Record<string, string>>;
}

export class Pebble implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'terrafirma-pebble-'));
  readonly #authority = new TestAuthority();
  readonly #port: number;
  readonly #managementPort: number;
  readonly output: string[] = [];
  #child: ChildProcess | undefined;

  private constructor(port: number, managementPort: number) {
    this.#port = port;
    this.#managementPort = managementPort;
    const validity = { notBeforeMs: Date.now() - DAY_MS, notAfterMs: Date.now() + DAY_MS };
    const { chainPem, keyPem } = this.#authority.issueWithKey('localhost', validity);
    writeFileSync(join(this.directory, 'cert.pem'), chainPem);
    writeFileSync(join(this.directory, 'key.pem'), keyPem);
    writeFileSync(this.caFile, this.#authority.rootPem);
  }

  /** Its address and its authority are there before it runs. */
  static async prepare(): Promise<Pebble> {
    return new Pebble(await freePort(), await freePort());
  }

  get directoryUrl(): string {
    return `https://localhost:${this.#port}/dir`;
  }

  /** The authority of its own HTTPS, not of what it issues. */
  get caFile(): string {
    return join(this.directory, 'ca.pem');
  }

  async start(rules: PebbleRules): Promise<void> {
    const pebble = {
      listenAddress: `127.0.0.1:${this.#port}`,
      managementListenAddress: `127.0.0.1:${this.#managementPort}`,
      certificate: join(this.directory, 'cert.pem'),
      privateKey: join(this.directory, 'key.pem'),
      httpPort: rules.httpPort,
      tlsPort: rules.tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: rules.externalKeys !== undefined,
      externalAccountMACKeys: rules.externalKeys ?? {},
      ...(rules.lifetimeS === undefined ? {} : { certificateValidityPeriod: rules.lifetimeS }),
    };
    const file = join(this.directory, 'config.json');
    writeFileSync(file, JSON.stringify({ pebble }));
    const child = spawn('pebble', ['-config', file, '-dnsserver', rules.dnsServer], {
      env: {
        ...process.env,
        PEBBLE_VA_NOSLEEP: '1',
        PEBBLE_WFE_NONCEREJECT: String(rules.noncesRejected ?? 0),
        PEBBLE_AUTHZREUSE: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => this.output.push(chunk.toString()));
    }
    this.#child = child;
    await waitFor(() => this.root().catch(() => undefined));
  }

  /** The root of what it issues; a new one at every start. */
  root(): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { port: this.#managementPort, ca: this.#authority.rootPem, agent: false };
      const path = { host: '127.0.0.1', servername: 'localhost', path: '/roots/0' };
      request({ ...options, ...path }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => resolve(Buffer.concat(chunks).toString()));
      })
        .on('error', reject)
        .end();
    });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
