/**
 * Reads the configuration again while the daemon runs: checked whole, then swapped. What cannot be
 * swapped is named, and holds from the next start on. A mistake changes nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ReloadReport } from '../admin/world.ts';
import type { Config, Limits } from '../config/config.ts';
import type { LoadedConfig } from '../config/resolve.ts';
import type { Journal } from '../journal/journal.ts';

export interface ReloadParts {
  readonly loaded: LoadedConfig;
  /** Rejects or throws TerrafirmaError `config`. */
  readonly reread: () => LoadedConfig;
  readonly journal: Journal;
  /** What could still refuse it comes first, and nothing has changed when it rejects. */
  readonly swap: (next: LiveConfig) => Promise<void>;
}

/** What may change while the daemon runs. */
export interface LiveConfig extends Pick<Config, 'dns' | 'hosts' | 'outbound' | 'proxies'> {
  readonly logLevel: Config['log']['level'];
  readonly certificates: Config['tls']['certificates'];
  readonly limits: Pick<Limits, LiveLimit>;
}

export const liveLimits = [
  'cpuMsMax',
  'wallMsMax',
  'requestBodyBytesMax',
  'replyBodyBytesMax',
  'runsPerSiteMax',
  'queuedRunsPerSiteMax',
  'runsPerOwnerMax',
] as const;
export type LiveLimit = (typeof liveLimits)[number];

const liveNames: ReadonlySet<string> = new Set([
  ...['dns.servers', 'dns.record_names', 'dns.record_key', 'log.level', 'tls.certificate'],
  ...['hosts.allowed', 'hosts.denied', 'hosts.allowed_folders', 'hosts.denied_folders'],
  ...['hosts.require_folder_consent', 'outbound.allowed_cidrs', 'proxies.trusted_cidrs'],
  ...liveLimits.map(
    (name) => `limits.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
  ),
]);

export class Reloads {
  readonly #parts: ReloadParts;
  /** What is in force, as the settings table knows it. */
  #values: LoadedConfig['values'];
  /** One after the other: the newest is to be in force in the end. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#values = parts.loaded.values;
  }

  /** Rejects with TerrafirmaError `config`; the log says so, too. */
  async reload(): Promise<ReloadReport> {
    const { journal } = this.#parts;
    try {
      const reload = (): Promise<ReloadReport> => this.#reload();
      const reloading = this.#last.then(reload, reload);
      this.#last = reloading;
      const report = await reloading;
      journal.tell('config-reloaded', report);
      return report;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      journal.tell('config-not-reloaded', { reason });
      throw error;
    }
  }

  async #reload(): Promise<ReloadReport> {
    const { config, values } = this.#parts.reread();
    const changed = [...values].filter(
      ([setting, value]) => !isDeepStrictEqual(value, this.#values.get(setting)),
    );
    const names = changed.map(([{ name }]) => name);
    const isLive = (name: string): boolean => liveNames.has(name);
    if (names.some(isLive)) await this.#parts.swap(liveOf(config));
    // What needs a restart is not in force: it is told again the next time.
    const inForce = changed.filter(([{ name }]) => isLive(name));
    this.#values = new Map([...this.#values, ...inForce]);
    return {
      changed: names.filter(isLive),
      needRestart: names.filter((name) => !isLive(name)),
    };
  }
}

function liveOf({ dns, hosts, limits, log, outbound, proxies, tls }: Config): LiveConfig {
  return {
    ...{ dns, hosts, outbound, proxies },
    logLevel: log.level,
    certificates: tls.certificates,
    limits: Object.fromEntries(
      liveLimits.map((name) => [name, limits[name]]),
    ) as LiveConfig['limits'],
  };
}

/** The configuration that a thread which starts from now on gets. */
export function withLive(config: Config, live: LiveConfig): Config {
  const { certificates, limits, logLevel, ...rest } = live;
  return {
    ...{ ...config, ...rest },
    log: { ...config.log, level: logLevel },
    tls: { ...config.tls, certificates },
    limits: { ...config.limits, ...limits },
  };
}
