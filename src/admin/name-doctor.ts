/**
 * What `terrafirma doctor` says of a host name, for the dashboard: its records as the daemon sees
 * them, which list says no, and what the daemon knows of the folder. Touches DNS.
 */
import { LRUCache } from 'lru-cache';
import type { Config } from '../config/config.ts';
import type { Publisher } from '../deploy/publish.ts';
import { checkConsent, checkRules, settleWildcard } from '../doctor/consent.ts';
import { checkDns } from '../doctor/dns.ts';
import type { Finding } from '../doctor/finding.ts';
import type { FolderKey, HostName } from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import { adviceFor } from './advice.ts';

export interface NameDoctorOptions {
  readonly configInForce: () => Config;
  readonly resolver: Pick<Resolver, 'ask' | 'record'>;
  readonly publisher: Pick<Publisher, 'folders'>;
}

/** Some ten questions to DNS servers are asked for one, and pages that stay open ask again. */
const holdsMs = 30_000;
const namesMax = 256;
const leadsElsewhere: Finding = {
  mark: 'bad',
  id: 'folder',
  text: 'the record of the name leads to another folder than this one',
};

export class NameDoctor {
  readonly #options: NameDoctorOptions;
  /** Those who ask meanwhile wait for the same. */
  readonly #lately = new LRUCache<string, Promise<readonly Finding[]>>({
    max: namesMax,
    ttl: holdsMs,
  });

  constructor(options: NameDoctorOptions) {
    this.#options = options;
  }

  /**
   * Never rejects for what is wrong with the name: that is what it tells.
   *
   * @param askedBy The folder whose owner asks, who learns nothing of another; left out: all.
   */
  look(hostName: HostName, askedBy?: FolderKey): Promise<readonly Finding[]> {
    const key = `${hostName} ${askedBy ?? ''}`;
    const known = this.#lately.get(key);
    if (known !== undefined) return known;
    const looking = this.#look(hostName, askedBy);
    this.#lately.set(key, looking);
    // What has failed is not to be had for half a minute.
    looking.catch(() => this.#lately.delete(key));
    return looking;
  }

  async #look(hostName: HostName, askedBy: FolderKey | undefined): Promise<readonly Finding[]> {
    const { configInForce, publisher, resolver } = this.#options;
    const config = configInForce();
    const { findings, folder } = await checkDns(hostName, resolver, config);
    if (askedBy !== undefined && folder !== undefined && folder.key !== askedBy) {
      return [...settleWildcard(findings, hostName, undefined), leadsElsewhere];
    }
    const look = publisher.folders().find(({ folderKey }) => folderKey === folder?.key);
    const site = look?.site;
    const listed = site?.settings?.hostNames;
    const advice = look === undefined ? [] : adviceFor(look);
    return [
      ...settleWildcard(findings, hostName, listed),
      ...checkRules(hostName, folder, config),
      // Before the folder was read nobody knows what it lists.
      ...(site === undefined ? [] : [checkConsent(hostName, listed, config)]),
      ...advice.map(({ id, text }): Finding => ({ mark: 'bad', id, text })),
    ];
  }
}
