/** `terrafirma doctor`: would this host name work here, and if not, what is to be done? */
import { loadConfig } from '../../config/load.ts';
import type { Setting } from '../../config/schema.ts';
import { settings } from '../../config/schema.ts';
import { TerrafirmaError } from '../../errors.ts';
import type { HostName } from '../../names.ts';
import { parseHostName } from '../../names.ts';
import { Resolver } from '../../outside/dns/dns.ts';
import { adminFlags, adminSettings } from '../admin/find-daemon.ts';
import type { Command } from '../command.ts';
import { checkDaemon, checkRules } from './daemon.ts';
import { checkDns } from './dns.ts';
import { checkFolder } from './folder.ts';
import { describeCheck, summarize } from './report.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Look at everything about a host name, and say what to do next',
  positionals: [{ name: 'host name', isRequired: true, summary: 'Such as example.com' }],
  flags: [...adminFlags, { name: 'json', summary: 'Print JSON' }],
  readsConfig: true,
  settings: [
    ...adminSettings,
    settings.mounts as Setting<unknown>,
    settings.botUser as Setting<unknown>,
    settings.dnsServers as Setting<unknown>,
  ],
  notes: [
    'Looks at the addresses, at both TXT records and what they mean, at the folder and at every ' +
      'module in it, with the DNS servers and mounts that "terrafirma serve" would use, and asks ' +
      'the daemon that runs, if one does. Touches nothing.',
    'It looks from this machine: whether others reach it, it cannot say.',
    'Exits with 0 only when the host name would work.',
  ],
  async run(given, io) {
    const { config } = loadConfig({
      flags: given.settings,
      machine: io.machine,
      configFile: given.configFile,
    });
    const hostName = readHostName(given.positionals[0] ?? '');
    const { dns, limits } = config;
    const resolver = new Resolver({ dns, limits, nowMs: () => io.nowMs() });
    const names = await checkDns(hostName, resolver, dns);
    const inside = names.folder === undefined ? undefined : await checkFolder(names.folder, config);
    const findings = [
      ...names.findings,
      ...checkRules(hostName, names.folder, config),
      ...(inside?.findings ?? []),
      ...(await checkDaemon(hostName, given, io)),
    ];
    const report = summarize(
      hostName,
      findings,
      `Try: curl http://${hostName}/${inside?.modulePath ?? ''}`,
    );
    io.write(
      given.has('json') ? `${JSON.stringify(report, undefined, 2)}\n` : describeCheck(report),
    );
    return report.wouldWork ? 0 : 1;
  },
};

/** As it was called first. */
export const check: Command = { ...doctor, name: 'check', summary: 'The same as doctor' };

/** A host name, or the URL of a page there, as it is copied from a browser. */
function readHostName(text: string): HostName {
  const [, authority = text] = /^https?:\/\/([^/?#]+)/i.exec(text) ?? [];
  try {
    return parseHostName(authority);
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    throw new TerrafirmaError('usage', error.message.replace(/^Cannot [^:]+:/, 'Cannot check:'));
  }
}
