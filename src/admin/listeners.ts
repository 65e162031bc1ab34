/** All admin listeners of a daemon, from its configuration. Touches the file system and sockets. */
import { chmodSync, existsSync, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { isSocketPath } from '../config/admin-settings.ts';
import type { AdminAddress, Config } from '../config/config.ts';
import { printEndpoint } from '../config/kinds.ts';
import { TerrafirmaError } from '../errors.ts';
import { makeDirectory } from '../outside/state/make-directory.ts';
import type { Dashboard } from './dashboard/dashboard.ts';
import { Door } from './door.ts';
import { AdminListener, type AdminListenerOptions } from './listener.ts';
import { openToken } from './token.ts';

export interface AdminListenersOptions extends Pick<AdminListenerOptions, 'journal' | 'routes'> {
  readonly config: Config;
  readonly dashboard: Pick<Dashboard, 'sessions'>;
  /** A clock that only goes forward, in milliseconds. */
  readonly nowMs: () => number;
}

const connectMsMax = 1_000;

/** Where `unix:auto` is. */
export function autoSocketPath(directory: string): string {
  return join(directory, 'admin.sock');
}

export class AdminListeners {
  /** As they are told: `unix:/path`, `http://127.0.0.1:9101`. */
  readonly places: readonly string[];
  readonly #open: readonly AdminListener[];
  readonly #sockets: readonly string[];

  private constructor(
    places: readonly string[],
    open: readonly AdminListener[],
    sockets: readonly string[],
  ) {
    this.places = places;
    this.#open = open;
    this.#sockets = sockets;
  }

  /** @throws TerrafirmaError `config` (a path, the token), `start` (in use). */
  static async open(options: AdminListenersOptions): Promise<AdminListeners> {
    const { config } = options;
    const places: string[] = [];
    const open: AdminListener[] = [];
    const sockets: string[] = [];
    try {
      for (const address of config.admin.listen) {
        const path = socketPathOf(address, config);
        const listener = createListener(options, path === undefined);
        open.push(listener);
        if (path !== undefined) {
          await listenAtSocket(listener, path);
          sockets.push(path);
          places.push(`unix:${path}`);
        } else if (address.kind === 'tcp') {
          const { host, port } = address.endpoint;
          places.push(await listenAtPort(listener, host, port));
        }
      }
      for (const { host, port } of config.admin.metricsListen) {
        const listener = new AdminListener({
          ...{ journal: options.journal, limits: config.limits, door: () => undefined },
          routes: options.routes.filter(({ isPublic }) => isPublic === true),
        });
        open.push(listener);
        places.push(await listenAtPort(listener, host, port));
      }
    } catch (error) {
      await Promise.all(open.map((listener) => listener.close()));
      throw error;
    }
    return new AdminListeners(places, open, sockets);
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((listener) => listener.close()));
    for (const path of this.#sockets) rmSync(path, { force: true });
  }
}

/**
 * What whoever comes by TCP must show; made where there is none.
 *
 * @throws TerrafirmaError `config`.
 */
export function adminToken({ admin, stateDirectory }: Config): string {
  return openToken(admin.tokenFile, stateDirectory);
}

function createListener(
  { config, dashboard, journal, nowMs, routes }: AdminListenersOptions,
  isTcp: boolean,
): AdminListener {
  const { limits } = config;
  const { sessions } = dashboard;
  const token = isTcp ? adminToken(config) : undefined;
  const door: AdminListenerOptions['door'] = (authorities) =>
    new Door({
      ...{ token, authorities, nowMs },
      hasSession: (headers) => sessions.find(headers) !== undefined,
    });
  const sessionOf: AdminListenerOptions['sessionOf'] = (headers) => sessions.find(headers)?.id;
  return new AdminListener({ routes, door, limits, journal, sessionOf });
}

/** @throws TerrafirmaError `config`. */
function socketPathOf(
  address: AdminAddress,
  { admin, stateDirectory }: Config,
): string | undefined {
  if (address.kind === 'tcp') return undefined;
  if (address.kind === 'unix') return address.path;
  const path = autoSocketPath(admin.directory ?? stateDirectory);
  if (isSocketPath(path)) return path;
  throw new TerrafirmaError(
    'config',
    'Cannot start: admin.listen: the path of the socket must have at most 107 bytes: received ' +
      `${path}; name another with admin.listen = ["unix:/shorter/path"], or none with []`,
  );
}

/** @throws TerrafirmaError `start`. */
async function listenAtSocket(listener: AdminListener, path: string): Promise<void> {
  makeDirectory(dirname(path));
  if (existsSync(path)) await removeStale(path);
  try {
    await listener.listenAtSocket(path);
  } catch (error) {
    throw cannotListen(error, path);
  }
  chmodSync(path, 0o600);
}

/** A daemon that was killed leaves its socket behind; one that answers is another's. */
async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path).isSocket()) {
    const rule = 'the path of the admin socket must be free';
    throw new TerrafirmaError('start', `Cannot start: ${rule}: received a file at ${path}`);
  }
  if (await answers(path)) {
    const rule = 'the admin socket must be free: another daemon has it';
    throw new TerrafirmaError('start', `Cannot start: ${rule}: received ${path}`);
  }
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(connectMsMax, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => settle(code !== 'ECONNREFUSED'));
  });
}

async function listenAtPort(listener: AdminListener, host: string, port: number): Promise<string> {
  try {
    const settled = await listener.listenAtPort(host, port);
    return `http://${printEndpoint({ host, port: settled })}`;
  } catch (error) {
    throw cannotListen(error, printEndpoint({ host, port }));
  }
}

function cannotListen(cause: unknown, place: string): TerrafirmaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const detail = `Cannot start: the admin listener: ${reason}: received ${place}`;
  return new TerrafirmaError('start', detail, { cause });
}
