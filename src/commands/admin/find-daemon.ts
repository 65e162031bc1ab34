/** Which daemon the command line speaks to: the one that was named, else the one that runs. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { autoSocketPath } from '../../admin/listeners.ts';
import { tokenPath } from '../../admin/token.ts';
import type { Config } from '../../config/config.ts';
import { printEndpoint } from '../../config/kinds.ts';
import { loadConfig } from '../../config/load.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { localStatesOf } from '../../config/state-directory.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { Arguments, CommandIo, FlagRow } from '../command.ts';
import { Connection, type Place, readTokenFile } from './connection.ts';

/** What all commands take that speak to a daemon. */
export const adminFlags: readonly FlagRow[] = [
  {
    name: 'admin',
    placeholder: 'path|url',
    summary: 'Where the daemon is operated; default: the one that runs here',
  },
];
export const adminSettings: readonly Setting<unknown>[] = [
  settings.stateDirectory as Setting<unknown>,
];
export const adminNote =
  'Speaks to the admin socket of the daemon that runs: that of --state, of the configuration, or ' +
  'the only one that answers. By TCP the token is read from TERRAFIRMA_ADMIN_TOKEN, else from ' +
  'the state directory.';

/** Where systemd's unit has it. */
const serviceSocket = '/run/terrafirma/admin.sock';

/** @throws TerrafirmaError `unreachable`, `usage` where several run and none was named. */
export async function findDaemon(given: Arguments, io: CommandIo): Promise<Connection> {
  const { config, origins } = loadConfig({
    flags: given.settings,
    machine: io.machine,
    configFile: given.configFile,
  });
  const named = given.value('admin');
  if (named !== undefined) return new Connection(placeOf(named, config, io));
  const isNamed = origins.get(settings.stateDirectory as Setting<unknown>)?.kind !== 'default';
  const configured = configuredPlaces(config, io);
  const others = isNamed ? [] : usualSockets(config);
  const known = new Map([...configured, ...others].map((place) => [describePlace(place), place]));
  const alive: Place[] = [];
  for (const place of known.values()) {
    if (await new Connection(place).isAlive()) alive.push(place);
  }
  const [only, second] = alive;
  if (only !== undefined && second === undefined) return new Connection(only);
  if (only === undefined) {
    const [first] = configured;
    const tried = first ?? { kind: 'socket', path: serviceSocket };
    // Says what is wrong with the first of them.
    await new Connection(tried).ask('/healthz');
    return new Connection(tried);
  }
  const list = (await Promise.all(alive.map(describeDaemon))).join(', ');
  throw new TerrafirmaError(
    'usage',
    `Cannot choose a daemon: one must be named with --admin: received ${list}`,
  );
}

/** With where it listens: nobody knows his daemon by the path of its socket. */
async function describeDaemon(place: Place): Promise<string> {
  try {
    const { listening } = await new Connection(place).json('/v1/status');
    return `${describePlace(place)} (serves at ${(listening as readonly string[]).join(', ')})`;
  } catch (error) {
    // By TCP it may want another token; it may have ended just now.
    if (!(error instanceof TerrafirmaError)) throw error;
    return describePlace(place);
  }
}

/**
 * For commands that can do without one. Undefined: none runs, or none of several was named.
 *
 * @throws TerrafirmaError `unreachable` where --admin names one.
 */
export async function daemonThatRuns(
  given: Arguments,
  io: CommandIo,
): Promise<Connection | undefined> {
  try {
    return await findDaemon(given, io);
  } catch (error) {
    if (given.value('admin') !== undefined || !(error instanceof TerrafirmaError)) throw error;
    return undefined;
  }
}

function describePlace(place: Place): string {
  return place.kind === 'socket' ? place.path : place.url.href;
}

function placeOf(text: string, config: Config, io: CommandIo): Place {
  if (/^https?:\/\//.test(text)) return urlPlace(new URL(text), config, io);
  const bare = text.replace(/^unix:/, '');
  return { kind: 'socket', path: path.resolve(io.machine.workingDirectory, bare) };
}

function configuredPlaces(config: Config, io: CommandIo): readonly Place[] {
  const { admin, stateDirectory } = config;
  return admin.listen.map((address): Place => {
    if (address.kind === 'unix') return { kind: 'socket', path: address.path };
    if (address.kind === 'auto') {
      return { kind: 'socket', path: autoSocketPath(admin.directory ?? stateDirectory) };
    }
    return urlPlace(new URL(`http://${printEndpoint(address.endpoint)}`), config, io);
  });
}

function urlPlace(url: URL, { admin, stateDirectory }: Config, io: CommandIo): Place {
  const file = admin.tokenFile ?? tokenPath(stateDirectory);
  const token = io.machine.environment.TERRAFIRMA_ADMIN_TOKEN ?? readTokenFile(file) ?? '';
  return { kind: 'url', url, token };
}

/** Those of folders that are served by their path, and of a service. */
function usualSockets({ stateDirectory }: Config): readonly Place[] {
  const directory = localStatesOf(stateDirectory);
  const sockets = [serviceSocket, ...namesIn(directory).map(autoSocketPath)];
  return sockets.filter(isSocket).map((socket): Place => ({ kind: 'socket', path: socket }));
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map((name) => path.join(directory, name));
  } catch {
    // No folder was served by its path here, or another user's were.
    return [];
  }
}

function isSocket(file: string): boolean {
  try {
    return statSync(file).isSocket();
  } catch {
    return false;
  }
}
