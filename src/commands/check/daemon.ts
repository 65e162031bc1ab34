/** What the daemon that runs knows of a host name: part of `terrafirma doctor`. */
import type { Config } from '../../config/config.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { FolderPath, HostName } from '../../names.ts';
import { HostRules } from '../../site/hosts.ts';
import { findDaemon } from '../admin/find-daemon.ts';
import type { Arguments, CommandIo } from '../command.ts';
import type { Finding } from './report.ts';

/** Which list of the operator says no, if one does. */
export function checkRules(
  hostName: HostName,
  folder: FolderPath | undefined,
  { hosts }: Config,
): readonly Finding[] {
  try {
    const rules = new HostRules(hosts);
    rules.checkName(hostName);
    if (folder !== undefined) rules.checkFolder(folder);
    return [{ mark: 'ok', subject: 'rules', text: 'the configuration lets the name be served' }];
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    const nextStep = `${error.message}: change that in the configuration`;
    return [{ mark: 'bad', subject: 'rules', text: error.message, nextStep }];
  }
}

/** Nothing is wrong where no daemon runs: whoever prepares a name may start it later. */
export async function checkDaemon(
  hostName: HostName,
  given: Arguments,
  io: CommandIo,
): Promise<readonly Finding[]> {
  try {
    const daemon = await findDaemon(given, io);
    const [status, bans, listed] = [
      await daemon.json('/v1/status'),
      await daemon.json('/v1/bans'),
      await daemon.json('/v1/certificates'),
    ];
    const text = `version ${String(status.version)} runs here, pid ${String(status.pid)}`;
    return [
      { mark: 'ok', subject: 'daemon', text },
      ...banFindings(hostName, bans.bans as readonly BanRow[]),
      ...certificateFindings(hostName, listed.certificates as readonly CertificateRow[]),
    ];
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    const isAway = error.code === 'unreachable';
    const text = isAway ? 'none runs here that answers' : error.message;
    return [{ mark: 'note', subject: 'daemon', text }];
  }
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
  return [{ mark: 'bad', subject: 'ban', text, nextStep: `terrafirma unban ${ban.value}` }];
}

function certificateFindings(
  hostName: HostName,
  certificates: readonly CertificateRow[],
): readonly Finding[] {
  const found = certificates.find(({ host }) => host === hostName);
  if (found === undefined) return [];
  const { lastError, nextTryAt, notAfter } = found;
  if (lastError === null) {
    return [{ mark: 'ok', subject: 'certificate', text: `holds until ${notAfter}` }];
  }
  const text = `order failed: ${lastError}; next try ${nextTryAt ?? 'unknown'}`;
  return [{ mark: 'bad', subject: 'certificate', text, nextStep: text }];
}
