/**
 * One run of `terrafirma dev`: a daemon for the site, builds of its functions, and what a browser
 * speaks to. Builds the parts, and tells a person what becomes of them, a line each.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type FSWatcher, watch } from 'chokidar';
import { autoSocketPath } from '../../admin/listeners.ts';
import { isSocketPath } from '../../config/admin-settings.ts';
import type { Limits } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import { createPrettifier } from '../../journal/readable-lines.ts';
import type { CommandIo } from '../command.ts';
import { ModuleJudge } from '../inspect/judge.ts';
import { printable } from '../printable.ts';
import { describeBuilt } from '../project/build.ts';
import { type BuildResult, buildFunction } from '../project/build-function.ts';
import type { Project, ProjectFunction } from '../project/project-file.ts';
import { Builds } from './builds.ts';
import { selfSigned } from './certificate.ts';
import { DaemonProcess } from './daemon-process.ts';
import { DevLog, type LogLine } from './dev-log.ts';
import { Front } from './front.ts';
import { Hub } from './hub.ts';
import { whenLive } from './live.ts';

type DevIo = Pick<CommandIo, 'isTerminal' | 'machine' | 'nowMs' | 'report' | 'write'>;

export interface DevSessionOptions {
  readonly project: Project;
  readonly io: DevIo;
  readonly configFile: string | undefined;
  readonly limits: Limits;
  readonly isHttps: boolean;
  /** Settings that are the daemon's: `--name=value`. */
  readonly daemonFlags: readonly string[];
}

const stateName = '.terrafirma-dev';
const variablesName = '.dev.env';
/** Editors write in several steps. */
const gatherMs = 100;
/** What a person sees of the log: not what the daemon says of itself at its start and end. */
const shownEvents = new Set([
  'module-compiling',
  'module-refused',
  'settings-noted',
  'file-not-served',
  'cron-ran',
]);
/** A build of some seconds says that it goes on: who waits for it would else see nothing. */
const silentMs = 1_000;

export class DevSession {
  readonly #options: DevSessionOptions;
  readonly #hub = new Hub();
  readonly #log = new DevLog();
  readonly #judge: ModuleJudge;
  readonly #front: Front;
  readonly #builds: Builds;
  readonly #prettify: (line: string) => string;
  readonly #failed = Promise.withResolvers<'failed'>();
  readonly #watchers: FSWatcher[] = [];
  #daemon: DaemonProcess | undefined;
  #restarting: Promise<void> | undefined;
  #reloadTimer: NodeJS.Timeout | undefined;
  #variablesTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: DevSessionOptions) {
    const { io, isHttps, limits, project } = options;
    this.#options = options;
    this.#judge = new ModuleJudge({ limits });
    this.#prettify = createPrettifier(
      io.isTerminal && io.machine.environment.NO_COLOR === undefined,
    );
    this.#front = new Front({
      ...{ hub: this.#hub, log: this.#log },
      daemonPort: () => this.#daemonPort(),
      openDashboard: () => this.#openDashboard(),
      tls: isHttps ? selfSigned(Date.now()) : undefined,
    });
    this.#builds = new Builds({
      project,
      build: (each, signal) => this.#build(each, signal),
      onResult: (each, result) => void this.#tellResult(each, result),
      onFile: () => this.#reloadSoon(),
      onTrouble: (reason) => io.report(printable(reason)),
    });
  }

  /** Resolves to the first of the ports that is free. */
  async listen(host: string, ports: readonly number[]): Promise<number> {
    for (const port of ports) {
      try {
        return await this.#front.listen(host, port);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === 'EADDRINUSE' && port !== ports.at(-1)) continue;
        throw new TerrafirmaError('start', `Cannot develop: ${message}`, { cause: error });
      }
    }
    throw new TerrafirmaError('start', 'Cannot develop: there must be a port: received none');
  }

  /** Resolves when it cannot go on. Rejects where it cannot begin. */
  async run(): Promise<'failed'> {
    const { directory, site } = this.#options.project;
    await mkdir(site, { recursive: true });
    await mkdir(path.join(directory, stateName), { recursive: true });
    this.#daemon = this.#startDaemon();
    await this.#daemon.port;
    await this.#watchVariables();
    await this.#builds.start();
    return await this.#failed.promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#reloadTimer);
    clearTimeout(this.#variablesTimer);
    this.#front.close();
    await this.#builds.close();
    await Promise.all(this.#watchers.map((watcher) => watcher.close()));
    await this.#restarting;
    await this.#daemon?.stop();
    await this.#judge[Symbol.asyncDispose]();
    await rm(this.#socketPlace().temporary ?? '', { recursive: true, force: true });
  }

  /** Requests that come while it starts anew wait for it. */
  async #daemonPort(): Promise<number> {
    await this.#restarting;
    if (this.#daemon === undefined) throw new Error('none yet');
    return await this.#daemon.port;
  }

  async #openDashboard(): Promise<string> {
    await this.#daemonPort();
    const told = await this.#daemon?.admin.change('POST', '/v1/dashboard', {});
    return String(told?.url);
  }

  async #build(each: ProjectFunction, signal: AbortSignal): Promise<BuildResult> {
    const { io, limits, project } = this.#options;
    const { environment } = io.machine;
    const { moduleBytesMax } = limits;
    const timer = setTimeout(() => io.write(`${printable(each.name)}  is being built\n`), silentMs);
    try {
      return await buildFunction(each, {
        ...{ project, judge: this.#judge, moduleBytesMax, environment, signal },
        nowMs: () => io.nowMs(),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #startDaemon(): DaemonProcess {
    const { configFile, io, project } = this.#options;
    const variables = path.join(project.directory, variablesName);
    return new DaemonProcess({
      site: project.site,
      stateDirectory: path.join(project.directory, stateName),
      socketPath: this.#socketPlace().socket,
      ...{ configFile, workingDirectory: io.machine.workingDirectory },
      flags: this.#options.daemonFlags,
      variablesFile: existsSync(variables) ? variables : undefined,
      environment: io.machine.environment,
      onLine: (text, line) => this.#take(text, line),
      onComplaint: (text) => io.report(printable(text)),
      onEnd: (end) => {
        io.report(`Cannot go on: the daemon must run: received its end with ${end}`);
        this.#failed.resolve('failed');
      },
    });
  }

  /** In the state directory, unless its path is too long for a socket. */
  #socketPlace(): { readonly socket: string; readonly temporary?: string } {
    const { directory } = this.#options.project;
    const usual = autoSocketPath(path.join(directory, stateName));
    if (isSocketPath(usual)) return { socket: usual };
    const hash = createHash('sha256').update(directory).digest('hex').slice(0, 16);
    const temporary = path.join(tmpdir(), `terrafirma-dev-${process.getuid?.() ?? 0}-${hash}`);
    return { socket: autoSocketPath(temporary), temporary };
  }

  #take(text: string, line: LogLine): void {
    this.#log.take(text, line);
    const { event, level, msg } = line;
    const isGuestLine = event === undefined && level !== 'trace';
    const isShown =
      msg === 'request' || isGuestLine || level === 'error' || shownEvents.has(String(event));
    if (isShown) this.#options.io.write(printableLine(this.#prettify(text)));
  }

  async #tellResult(each: ProjectFunction, result: BuildResult): Promise<void> {
    const { io, project } = this.#options;
    if (result.kind === 'failed') {
      this.#hub.setFailure(each.name, result);
      if (result.output !== '') io.report(result.output.trimEnd());
      io.report(printable(result.reason));
      return;
    }
    this.#hub.setFailure(each.name, undefined);
    const ending = await whenLive(this.#daemon?.admin, project.site, {
      ...{ modulePath: each.name, digest: result.digest },
      isClosed: () => this.#isClosed,
    });
    if (this.#isClosed) return;
    io.write(`${describeBuilt(each.name, result)}  ${ending}\n`);
    this.#reloadSoon();
  }

  #reloadSoon(): void {
    clearTimeout(this.#reloadTimer);
    this.#reloadTimer = setTimeout(() => this.#hub.reload(), gatherMs);
  }

  async #watchVariables(): Promise<void> {
    const { directory } = this.#options.project;
    const watcher = watch(path.join(directory, variablesName), { ignoreInitial: true });
    this.#watchers.push(watcher);
    watcher.on('all', () => {
      clearTimeout(this.#variablesTimer);
      this.#variablesTimer = setTimeout(() => this.#restart(), gatherMs);
    });
    await new Promise<void>((resolve) => watcher.once('ready', () => resolve()));
  }

  #restart(): void {
    this.#restarting = (this.#restarting ?? Promise.resolve())
      .then(async () => {
        if (this.#isClosed) return;
        await this.#daemon?.stop();
        this.#daemon = this.#startDaemon();
        await this.#daemon.port;
        this.#options.io.write(`${variablesName}  read again\n`);
        this.#reloadSoon();
      })
      // Told by its end, and by what it said before.
      .catch(() => wait(0));
  }
}

/** Values in it were chosen by strangers; its line end and colours are ours. */
function printableLine(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  return line.replaceAll(/[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g, '?');
}
