/** `rules`, `consent` and `wildcard` of `terrafirma doctor`: which list says no. Pure. */
import type { Config } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import type { FolderPath, HostName } from '../names.ts';
import { HostRules } from '../site/hosts.ts';
import type { Finding } from './finding.ts';

/** Which list of the operator says no, if one does. */
export function checkRules(
  hostName: HostName,
  folder: FolderPath | undefined,
  { hosts }: Pick<Config, 'hosts'>,
): readonly Finding[] {
  return [
    judge('rules', 'the configuration lets the name be served', () => {
      const rules = new HostRules(hosts);
      rules.checkName(hostName);
      if (folder !== undefined) rules.checkFolder(folder);
    }),
  ];
}

/**
 * Whether the folder wants the name.
 *
 * @param listed Of the folder's `terrafirma.toml`; undefined: it says nothing.
 */
export function checkConsent(
  hostName: HostName,
  listed: readonly HostName[] | undefined,
  { hosts }: Pick<Config, 'hosts'>,
): Finding {
  const good =
    listed === undefined ? 'every name may show the folder' : 'the folder lists the name';
  return judge('consent', good, () => new HostRules(hosts).checkConsent(hostName, listed));
}

/** A wildcard record is in the way of a certificate, unless the folder lists the name. */
export function settleWildcard(
  findings: readonly Finding[],
  hostName: HostName,
  listed: readonly HostName[] | undefined,
): readonly Finding[] {
  return findings.map((finding) => {
    if (finding.id !== 'wildcard' || listed?.includes(hostName) === true) return finding;
    const nextStep = `${finding.text}: no certificate is ordered; list ${hostName} in host_names`;
    return { ...finding, mark: 'bad', nextStep };
  });
}

function judge(id: string, good: string, check: () => void): Finding {
  try {
    check();
    return { mark: 'ok', id, text: good };
  } catch (error) {
    if (!(error instanceof TerrafirmaError)) throw error;
    const nextStep =
      id === 'rules' ? `${error.message}: change that in the configuration` : error.message;
    return { mark: 'bad', id, text: error.message, nextStep };
  }
}
