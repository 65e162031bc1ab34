/**
 * The place of the trial: a mount with folders, a DNS server, and the daemon with two serving
 * threads. Touches the file system, other processes and loopback.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestAuthority } from '../../test/support/acme-authority.ts';
import { type DnsServer, startDnsServer } from '../../test/support/dns-server.ts';
import type { Attack, Stage, Target } from './attack.ts';
import { type ListeningPorts, LogReader } from './log-reader.ts';

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const attackerProgram = fileURLToPath(new URL('./attacker.ts', import.meta.url));
const guests = fileURLToPath(new URL('../../test/guests/', import.meta.url));
const THREADS = '2';
const DAY_MS = 86_400_000;
/** What attackers over HTTPS call. */
export const ATTACKERS_NAME = 'mallory.example';
/** Where owners look at their folders, where an attack has the daemon show it. */
export const PANEL_NAME = 'panel.example.net';

/** Bytes of one of the project's own guests. */
export function guestBytes(name: string): Uint8Array {
  return readFileSync(join(guests, `${name}.wasm`));
}

export interface DaemonEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class AttackStage implements Stage, AsyncDisposable {
  readonly mountDirectory = mkdtempSync(join(tmpdir(), 'terrafirma-attack-'));
  readonly #stateDirectory = mkdtempSync(join(tmpdir(), 'terrafirma-attack-state-'));
  readonly #dns: DnsServer;
  readonly #silentZones: string[];

  private constructor(dns: DnsServer, silentZones: string[]) {
    this.#dns = dns;
    this.#silentZones = silentZones;
  }

  static async open(): Promise<AttackStage> {
    const zones: string[] = [];
    const dns = await startDnsServer({}, '127.0.0.1', (name) =>
      zones.some((zone) => name.endsWith(`.${zone}`)) ? { isSilent: true } : { rcode: 'nxdomain' },
    );
    return new AttackStage(dns, zones);
  }

  silence(zone: string): void {
    this.#silentZones.push(zone);
  }

  put(owner: string, path: string, content: string | Uint8Array): void {
    const file = join(this.mountDirectory, 'public', owner, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  name(hostName: string, owner: string, path = ''): void {
    const record = `kbp=/keybase/public/${owner}${path === '' ? '' : `/${path}`}`;
    this.#dns.table.set(`_keybase_pages.${hostName}`, { txt: [record] });
  }

  /** Starts the daemon; the one before has ended. */
  start(
    attack: Pick<Attack, 'environment' | 'logBytesPerS' | 'needsTls'>,
  ): Promise<AttackedDaemon> {
    const place = [
      '--mount',
      `/keybase=${this.mountDirectory}`,
      '--dns',
      `127.0.0.1:${this.#dns.port}`,
    ];
    const args = ['--state', this.#stateDirectory, '--threads', THREADS, '--listen', '127.0.0.1:0'];
    if (attack.needsTls === true) args.push(...this.#tlsArguments());
    const child = spawn(process.execPath, [program, 'serve', ...place, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // Alice's visitors come over plain HTTP all the same.
      env: { ...process.env, TERRAFIRMA_TLS_REDIRECTS: 'false', ...attack.environment },
    });
    return AttackedDaemon.whenListening(child, attack.logBytesPerS);
  }

  #tlsArguments(): string[] {
    const authority = new TestAuthority();
    const files = [ATTACKERS_NAME, PANEL_NAME].flatMap((name) => {
      const { chainPem, keyPem } = authority.issueWithKey(name, {
        notBeforeMs: Date.now() - DAY_MS,
        notAfterMs: Date.now() + DAY_MS,
      });
      const certificate = join(this.#stateDirectory, `${name}.pem`);
      const key = join(this.#stateDirectory, `${name}.key`);
      writeFileSync(certificate, chainPem);
      writeFileSync(key, keyPem);
      return ['--tls-certificate', `${certificate}=${key}`];
    });
    return ['--tls-listen', '127.0.0.1:0', ...files];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dns.close();
    rmSync(this.mountDirectory, { recursive: true, force: true });
    rmSync(this.#stateDirectory, { recursive: true, force: true });
  }
}

export class AttackedDaemon implements AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  readonly #child: ChildProcess;
  readonly #log: LogReader;

  private constructor(child: ChildProcess, log: LogReader, ports: ListeningPorts) {
    this.#child = child;
    this.#log = log;
    this.port = ports.plain;
    this.tlsPort = ports.tls;
  }

  static async whenListening(
    child: ChildProcess,
    logBytesPerS: number | undefined,
  ): Promise<AttackedDaemon> {
    if (child.stdout === null) throw new TypeError('Cannot read the daemon: it has no output');
    const log = new LogReader(child.stdout, logBytesPerS);
    return new AttackedDaemon(child, log, await log.ports);
  }

  /** How the daemon ended, if it has. */
  get end(): DaemonEnd | undefined {
    const { exitCode: code, signalCode: signal } = this.#child;
    return code === null && signal === null ? undefined : { code, signal };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get logBytes(): number {
    return this.#log.bytes;
  }

  /** Resident bytes of the daemon's process; 0 when it has ended. */
  residentBytes(): number {
    return this.end === undefined ? residentBytesOf(this.#child.pid ?? 0) : 0;
  }

  /** Asks it to end: after how many milliseconds it had; undefined where it did not end well. */
  async stop(patienceMs: number): Promise<number | undefined> {
    if (this.end !== undefined) return undefined;
    const exited = once(this.#child, 'exit');
    const startedAtMs = performance.now();
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    await exited;
    clearTimeout(kill);
    return this.#child.exitCode === 0 ? performance.now() - startedAtMs : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.end !== undefined) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** The attack in a process of its own, until `stop`. */
export class Attacker {
  readonly #child: ChildProcess;

  constructor(attack: Attack, target: Target) {
    const args = [attackerProgram, attack.name, JSON.stringify(target)];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Whether it is still at it: an attack that ends by itself proves nothing. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(kill);
  }
}

function residentBytesOf(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return Number(kib ?? 0) * 1_024;
  } catch {
    // It ended between the look and the reading.
    return 0;
  }
}
