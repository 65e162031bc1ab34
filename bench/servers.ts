/** Servers under load, as child processes that say where they listen. Touches other processes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packedProgram } from './packed.ts';
import { placed } from './pinning.ts';

const emptyServer = fileURLToPath(new URL('./empty-server.ts', import.meta.url));
const streamServer = fileURLToPath(new URL('./stream-server.ts', import.meta.url));
const wasiServer = fileURLToPath(new URL('./wasi-server.ts', import.meta.url));
const sameJavascript = fileURLToPath(new URL('./same-javascript.ts', import.meta.url));

/** Where a daemon keeps its state, and runs. */
export interface DaemonPlace {
  /** Stays when the daemon ends. Left out: one of its own, which does not. */
  readonly state?: string;
  /** Whether it has all processors; left out: it has one, where servers have. */
  readonly isFree?: boolean;
}

export class Server implements AsyncDisposable {
  /** Where it listens, as it says itself. */
  readonly #urls: readonly string[];
  /** From the start of the process until it said where it listens. */
  readonly startMs: number;
  readonly #child: ChildProcess;
  readonly #directory: string | undefined;
  readonly #told: Told;

  private constructor(parts: {
    readonly urls: readonly string[];
    readonly startMs: number;
    readonly child: ChildProcess;
    readonly directory: string | undefined;
    readonly told: Told;
  }) {
    this.#urls = parts.urls;
    this.startMs = parts.startMs;
    this.#child = parts.child;
    this.#directory = parts.directory;
    this.#told = parts.told;
  }

  /** The daemon as shipped, on `folder`. `isFree`: it may use all processors. */
  static daemon(
    folder: string,
    environment: NodeJS.ProcessEnv = {},
    program = packedProgram(),
    { threads = 1, isFree = false } = {},
  ): Promise<Server> {
    return Server.#startDaemon([folder], { environment, program, threads, isFree });
  }

  /** The same, where host names lead to folders below `directory` by way of the DNS server. */
  static mounted(directory: string, dnsPort: number, place: DaemonPlace = {}): Promise<Server> {
    const served = ['--mount', `/keybase=${directory}`, '--dns', `127.0.0.1:${dnsPort}`];
    const { state, isFree = false } = place;
    const start = { environment: {}, program: packedProgram(), threads: 1, isFree, state };
    return Server.#startDaemon(served, start);
  }

  static #startDaemon(
    place: readonly string[],
    start: {
      readonly environment: NodeJS.ProcessEnv;
      readonly program: string;
      readonly threads: number;
      readonly isFree: boolean;
      /** See `DaemonPlace`. */
      readonly state?: string | undefined;
    },
  ): Promise<Server> {
    const { environment, program, threads, isFree } = start;
    const state = start.state ?? mkdtempSync(join(tmpdir(), 'terrafirma-bench-'));
    const directory = start.state === undefined ? state : undefined;
    const args = ['--state', state, '--threads', `${threads}`, '--listen', '127.0.0.1:0'];
    return Server.#start([program, 'serve', ...place, ...args], { environment, directory, isFree });
  }

  /** Answers with `bodyBytes` bytes. `isFree`: it may use all processors. */
  static empty(bodyBytes = 6, { isFree = false } = {}): Promise<Server> {
    const args = [emptyServer, String(bodyBytes)];
    return Server.#start(args, { environment: {}, directory: undefined, isFree });
  }

  /** The same over HTTPS. */
  static emptySecure({ certificate, key }: OwnCertificate): Promise<Server> {
    const args = [emptyServer, '6', certificate, key];
    return Server.#start(args, { environment: {}, directory: undefined });
  }

  /** Pipes `file`, and uploads back. */
  static piping(file: string): Promise<Server> {
    return Server.#start([streamServer, file], { environment: {}, directory: undefined });
  }

  /** Runs the CGI program of `file` in its own process. */
  static wasi(file: string): Promise<Server> {
    return Server.#start([wasiServer, file], { environment: {}, directory: undefined });
  }

  /** Does what the program of Fastly's kit does. */
  static sameJavascript(): Promise<Server> {
    return Server.#start([sameJavascript], { environment: {}, directory: undefined });
  }

  static async #start(
    args: readonly string[],
    options: {
      readonly environment: NodeJS.ProcessEnv;
      readonly directory: string | undefined;
      readonly isFree?: boolean;
    },
  ): Promise<Server> {
    const startedAtMs = performance.now();
    const command = [process.execPath, ...args] as const;
    const [program, ...rest] = options.isFree === true ? command : placed('server', command);
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...options.environment },
    });
    const told = new Told(child);
    const urls = await told.urls;
    const startMs = performance.now() - startedAtMs;
    return new Server({ urls, startMs, child, told, directory: options.directory });
  }

  get url(): string {
    return this.#urlOf('http:');
  }

  get secureUrl(): string {
    return this.#urlOf('https:');
  }

  #urlOf(scheme: 'http:' | 'https:'): string {
    const url = this.#urls.find((each) => each.startsWith(scheme));
    if (url === undefined) throw new Error(`Cannot reach a server: it has no ${scheme} listener`);
    return url;
  }

  /** Resolves when the log tells of `event`, or has told. */
  whenTold(event: string): Promise<void> {
    return this.#told.when(event);
  }

  /** From now on: until then a large guest runs as the baseline compiler has it. */
  async secondsUntilTold(event: string): Promise<number> {
    const startedAtMs = performance.now();
    await this.#told.when(event);
    return (performance.now() - startedAtMs) / 1_000;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Ends as it is asked to: what it has kept is whole, and it leaves no suspects behind. */
  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null;
    const exited = isOver ? undefined : once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }
}

/**
 * What a server's log tells; the rest of it is drained. Taking the access log apart line by line
 * would cost half a processor, which the server or its load generator would miss: pieces without
 * an event are only looked through.
 */
class Told {
  /** The first line that tells where it listens. */
  readonly urls: Promise<readonly string[]>;
  readonly #events = new Set<string>();
  readonly #waiting = new Map<string, () => void>();
  /** The end of a line may come with the next piece. */
  #rest = Buffer.alloc(0);

  constructor(child: ChildProcess) {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    this.urls = promise;
    child.once('exit', (code) => reject(new Error(`a server ended with ${code}`)));
    child.stdout?.on('data', (piece: Buffer) => this.#take(piece, resolve));
  }

  when(event: string): Promise<void> {
    if (this.#events.has(event)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(event, resolve));
  }

  #take(piece: Buffer, onUrls: (urls: readonly string[]) => void): void {
    const end = piece.lastIndexOf('\n') + 1;
    const lines = end === 0 ? noLines : Buffer.concat([this.#rest, piece.subarray(0, end)]);
    const rest = piece.subarray(end);
    this.#rest = end === 0 ? Buffer.concat([this.#rest, rest]) : Buffer.from(rest);
    if (!lines.includes('"listening"') && !lines.includes('"event":"')) return;
    for (const line of lines.toString().split('\n')) {
      if (line.includes('"listening"')) onUrls(JSON.parse(line).listening);
      else if (line.includes('"event":"')) this.#note(JSON.parse(line).event);
    }
  }

  #note(event: string): void {
    this.#events.add(event);
    this.#waiting.get(event)?.();
  }
}

const noLines = Buffer.alloc(0);

/** A folder with copies of `files`, by name. */
export class BenchFolder implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'terrafirma-bench-folder-'));
  readonly directory: string;

  /** `inside`: where the files lie below the root. */
  constructor(inside = '') {
    this.directory = join(this.root, inside);
    mkdirSync(this.directory, { recursive: true });
  }

  put(file: string, name: string): void {
    copyFileSync(file, join(this.directory, name));
  }

  write(bytes: Uint8Array, name: string): void {
    const file = join(this.directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }

  /** The same file under another name. */
  link(file: string, name: string): void {
    linkSync(file, join(this.directory, name));
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A certificate for 127.0.0.1 that signs itself. */
export class OwnCertificate implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'terrafirma-bench-tls-'));
  readonly certificate = join(this.#directory, 'own.pem');
  readonly key = join(this.#directory, 'own.key');

  constructor() {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', this.key, '-out', this.certificate];
    const args = ['req', '-x509', '-days', '2', ...kind, ...subject, ...files];
    execFileSync('openssl', args, { stdio: 'pipe' });
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export interface AskOptions {
  readonly waitMsMax?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Asks until the answer is `expected`, and tells after how many milliseconds it was. */
export async function askUntil(
  url: string,
  expected: (text: string) => boolean,
  { waitMsMax = 30_000, headers = {} }: AskOptions = {},
): Promise<number> {
  const startedAtMs = performance.now();
  const deadlineMs = startedAtMs + waitMsMax;
  while (performance.now() < deadlineMs) {
    const text = await fetch(url, { headers }).then(
      (reply) => (reply.ok ? reply.text() : undefined),
      () => undefined,
    );
    if (text !== undefined && expected(text)) return performance.now() - startedAtMs;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`Cannot measure ${url}: it did not answer as expected within ${waitMsMax} ms`);
}

/** A port that was free a moment ago. */
export async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
