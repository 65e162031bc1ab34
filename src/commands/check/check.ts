/**
 * `terrafirma doctor`: would this host name or folder work here, and if not, what is to be done?
 */
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Config } from '../../config/config.ts';
import { printEndpoint } from '../../config/kinds.ts';
import { loadConfig } from '../../config/load.ts';
import type { FlagValue } from '../../config/resolve.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { checkConsent, checkRules, settleWildcard } from '../../doctor/consent.ts';
import { checkDns } from '../../doctor/dns.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { HostName } from '../../names.ts';
import { parseHostName, quoteReceived } from '../../names.ts';
import { Resolver } from '../../outside/dns/dns.ts';
import { adminFlags, adminSettings } from '../admin/find-daemon.ts';
import type { Arguments, Command, CommandIo } from '../command.ts';
import { printable } from '../printable.ts';
import { folderFlag } from '../serve.ts';
import { checkDaemon, findRunning, withPlacesOf } from './daemon.ts';
import { mendFolder } from './fix.ts';
import { checkFolder, checkServedFolder } from './folder.ts';
import { type CheckReport, describeCheck, summarize } from './report.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Look at everything about a host name or a folder, and say what to do next',
  positionals: [
    {
      name: 'host name or folder',
      isRequired: true,
      summary: 'Such as example.com, or ./folder as for "terrafirma serve ./folder"',
    },
  ],
  flags: [
    ...adminFlags,
    { name: 'fix', summary: 'Of a folder: mend what can be, in its files alone, and say what' },
    { name: 'json', summary: 'Print JSON' },
  ],
  readsConfig: true,
  settings: [
    ...adminSettings,
    settings.mounts as Setting<unknown>,
    settings.botUser as Setting<unknown>,
    settings.dnsServers as Setting<unknown>,
  ],
  notes: [
    'Looks at the addresses, at both TXT records and what they mean, at the folder and at every ' +
      'module in it, with the DNS servers and mounts that "terrafirma serve" would use (where no ' +
      'mounts are given or configured: those of the daemon that runs), and asks the daemon that ' +
      'runs, if one does; then also by HTTP, as a visitor would. Touches nothing.',
    'Of a folder it looks at what is in it alone, before any host name leads there. With --fix ' +
      'it writes an index.html where nothing answers at /, and quotes paths of modules in ' +
      'terrafirma.toml.',
    'It looks from this machine: whether others reach it, it cannot say.',
    'Exits with 0 only when the host name or folder would work.',
  ],
  async run(given, io) {
    const subject = given.positionals[0] ?? '';
    const folder = readFolder(subject, io.machine.workingDirectory);
    if (given.has('fix')) await mend(folder, io);
    const report =
      folder === undefined
        ? await judgeHostName(readHostName(subject), given, io)
        : await judgeFolder(folder, given, io);
    io.write(
      given.has('json') ? `${JSON.stringify(report, undefined, 2)}\n` : describeCheck(report),
    );
    return report.wouldWork ? 0 : 1;
  },
};

/** As it was called first. */
export const check: Command = { ...doctor, name: 'check', summary: 'The same as doctor' };

async function judgeHostName(
  hostName: HostName,
  given: Arguments,
  io: CommandIo,
): Promise<CheckReport> {
  const running = await findRunning(given, io);
  const config = withPlacesOf(running, readConfig(given, io));
  const { dns, limits } = config;
  const resolver = new Resolver({ dns, limits, nowMs: () => io.nowMs() });
  const names = await checkDns(hostName, resolver, config);
  const { addresses, folder } = names;
  const inside = folder === undefined ? undefined : await checkFolder(folder, config);
  const listed = inside?.hostNames;
  const isKnown = inside !== undefined && 'hostNames' in inside;
  const findings = [
    ...settleWildcard(names.findings, hostName, listed),
    ...checkRules(hostName, folder, config),
    ...(isKnown ? [checkConsent(hostName, listed, config)] : []),
    ...(inside?.findings ?? []),
    ...(await checkDaemon(hostName, addresses, running)),
  ];
  const whenGood = `curl http://${hostName}/${inside?.modulePath ?? ''}`;
  return summarize({ hostName }, findings, { from: placeOf(config), whenGood });
}

/** From where it is looked: another resolver, another machine may see something else. */
function placeOf({ dns }: Config): string {
  const servers = dns.servers.map(printEndpoint).join(', ');
  return `${hostname()}, by ${servers === '' ? 'the DNS servers of this machine' : servers}`;
}

/** @param folder Absolute. */
async function judgeFolder(folder: string, given: Arguments, io: CommandIo): Promise<CheckReport> {
  const config = readConfig(given, io, folderFlag(folder));
  const { findings: found } = await checkServedFolder(config);
  const findings = found.map((finding) =>
    finding.id === 'index' && finding.mark === 'note'
      ? { ...finding, text: `${finding.text}; --fix writes an index.html` }
      : finding,
  );
  const about = { from: hostname(), whenGood: `terrafirma serve ${folder}` };
  return summarize({ folder }, findings, about);
}

/** @throws TerrafirmaError `usage` where no folder was named: others are not to be mended. */
async function mend(folder: string | undefined, io: CommandIo): Promise<void> {
  if (folder === undefined) {
    const rule = '--fix mends the files of a folder that is named by its path';
    throw new TerrafirmaError('usage', `Cannot mend: ${rule}: received a host name`);
  }
  for (const sentence of await mendFolder(folder)) io.report(printable(sentence));
}

function readConfig(given: Arguments, io: CommandIo, more: readonly FlagValue[] = []): Config {
  const flags = [...given.settings, ...more];
  return loadConfig({ flags, machine: io.machine, configFile: given.configFile }).config;
}

/**
 * The absolute path of a folder that is meant; undefined where it is a host name. A name without a
 * dot is a folder where there is one, so that what serves a folder also checks it.
 *
 * @throws TerrafirmaError `usage`
 */
function readFolder(text: string, workingDirectory: string): string | undefined {
  if (isUrl.test(text)) return undefined;
  const folder = path.resolve(workingDirectory, text);
  const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  if (/^\.{1,2}$|\//.test(text)) {
    if (isThere) return folder;
    const rule = 'a path must be that of a folder which is there';
    throw new TerrafirmaError('usage', `Cannot check: ${rule}: received ${quoteReceived(text)}`);
  }
  return isThere && text !== '' && !text.includes('.') ? folder : undefined;
}

const isUrl = /^https?:\/\/([^/?#]+)/i;

/** A host name, or the URL of a page there, as it is copied from a browser. */
function readHostName(text: string): HostName {
  const [, authority = text] = isUrl.exec(text) ?? [];
  try {
    return parseHostName(authority);
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    const reason = error.message.replace(/^Cannot [^:]+:/, 'Cannot check:');
    const advice = 'for a folder that is served by its path, give the path';
    throw new TerrafirmaError('usage', `${reason}; ${advice}`);
  }
}
