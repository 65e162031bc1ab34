/** What the daemon that runs knows of a host name: part of `terrafirma doctor`. */
import type { Config, Endpoint, Mount } from '../../config/config.ts';
import type { Finding } from '../../doctor/finding.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { HostName } from '../../names.ts';
import type { Connection } from '../admin/connection.ts';
import { findDaemon } from '../admin/find-daemon.ts';
import type { Arguments, CommandIo } from '../command.ts';
import { readVersion } from '../version.ts';
import { checkReach, type Door } from './reach.ts';

/** The daemon that runs, with what it says of itself; or why there is none to ask. */
export type RunningDaemon =
  | { readonly connection: Connection; readonly status: Readonly<Record<string, unknown>> }
  | Finding;

/** Nothing is wrong where no daemon runs: whoever prepares a name may start it later. */
export async function findRunning(given: Arguments, io: CommandIo): Promise<RunningDaemon> {
  try {
    const connection = await findDaemon(given, io);
    return { connection, status: await connection.json('/v1/status') };
  } catch (error) {
    return describeAbsence(error);
  }
}

/** Where it finds folders and their records, where `config` names no place. */
export function withPlacesOf(daemon: RunningDaemon, config: Config): Config {
  if (!('status' in daemon) || config.mounts.length > 0) return config;
  const places = daemon.status.places as Places | undefined;
  // An older daemon does not say.
  if (places === undefined) return config;
  const { dns } = config;
  const servers = dns.servers.length > 0 ? dns.servers : places.dnsServers;
  const botUser = config.botUser ?? places.botUser ?? undefined;
  return { ...config, mounts: places.mounts, botUser, dns: { ...dns, servers } };
}

/** What the daemon says of the name. */
export async function checkDaemon(
  hostName: HostName,
  addresses: readonly string[],
  running: RunningDaemon,
): Promise<readonly Finding[]> {
  if (!('connection' in running)) return [running];
  const { connection: daemon, status } = running;
  try {
    const [bans, listed] = [await daemon.json('/v1/bans'), await daemon.json('/v1/certificates')];
    return [
      describeDaemon(status),
      ...banFindings(hostName, bans.bans as readonly BanRow[]),
      ...certificateFindings(hostName, listed.certificates as readonly CertificateRow[]),
      ...(await checkReach(hostName, addresses, doorsOf(status))),
      ...(await lastError(hostName, daemon)),
    ];
  } catch (error) {
    return [describeAbsence(error)];
  }
}

interface Places {
  readonly mounts: readonly Mount[];
  readonly botUser: string | null;
  readonly dnsServers: readonly Endpoint[];
}

function describeAbsence(error: unknown): Finding {
  if (!(error instanceof TerrafirmaError)) throw error;
  const text = error.code === 'unreachable' ? 'none runs here that answers' : error.message;
  return { mark: 'note', id: 'daemon', text };
}

function describeDaemon({ pid, version }: Readonly<Record<string, unknown>>): Finding {
  const text = `version ${String(version)} runs here, pid ${String(pid)}`;
  const own = readVersion();
  if (version === own) return { mark: 'ok', id: 'daemon', text };
  return { mark: 'note', id: 'daemon', text: `${text}, while this is ${own}` };
}

function doorsOf({ listening }: Readonly<Record<string, unknown>>): readonly Door[] {
  return (listening as readonly string[]).map((text) => {
    const { port, protocol } = new URL(text);
    const scheme = protocol === 'https:' ? 'https' : 'http';
    const usual = scheme === 'https' ? 443 : 80;
    return { scheme, port: port === '' ? usual : Number(port) };
  });
}

/** The newest failure of the name that is in the daemon's memory, with what finds it in the log. */
async function lastError(hostName: HostName, daemon: Connection): Promise<readonly Finding[]> {
  const query = new URLSearchParams({ host: hostName, level: 'warn', limit: '1' });
  const { lines } = await daemon.json(`/v1/log?${query}`);
  const [last] = lines as readonly Readonly<Record<string, unknown>>[];
  if (last === undefined) return [{ mark: 'ok', id: 'end', text: 'the log has no failure of it' }];
  const { errorDetail, id, msg, time } = last;
  const what = `${String(time)}: ${String(errorDetail ?? msg)}`;
  const see = id === undefined ? '' : `; terrafirma logs --request ${String(id)}`;
  return [{ mark: 'note', id: 'end', text: `last failure ${what}${see}` }];
}

interface BanRow {
  readonly kind: string;
  readonly value: string;
  readonly reason: string;
}

interface CertificateRow {
  readonly host: string;
  readonly notAfter: string;
  readonly lastError: string | null;
  readonly nextTryAt: string | null;
}

function banFindings(hostName: HostName, bans: readonly BanRow[]): readonly Finding[] {
  const ban = bans.find(({ kind, value }) => {
    if (kind !== 'host') return false;
    return value === hostName || (value.startsWith('*.') && hostName.endsWith(value.slice(1)));
  });
  if (ban === undefined) return [];
  const text = `${ban.value} is banned${ban.reason === '' ? '' : `: ${ban.reason}`}`;
  return [{ mark: 'bad', id: 'ban', text, nextStep: `terrafirma unban ${ban.value}` }];
}

function certificateFindings(
  hostName: HostName,
  certificates: readonly CertificateRow[],
): readonly Finding[] {
  const found = certificates.find(({ host }) => host === hostName);
  if (found === undefined) return [];
  const { lastError: failure, nextTryAt, notAfter } = found;
  if (failure === null) {
    return [{ mark: 'ok', id: 'certificate', text: `holds until ${notAfter}` }];
  }
  const text = `Order failed: ${failure}; next try ${nextTryAt ?? 'unknown'}`;
  return [{ mark: 'bad', id: 'certificate', text, nextStep: text }];
}
