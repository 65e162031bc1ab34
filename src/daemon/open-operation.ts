/** Lets the parts of a running daemon be operated, and its configuration be read again. */
import type { Config } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import { StateSize } from '../outside/state/state-size.ts';
import { HostRules } from '../site/hosts.ts';
import type { DaemonLog } from './daemon-log.ts';
import { Operation, type OperationParts } from './operation.ts';
import { type LiveConfig, type ReloadParts, Reloads, withLive } from './reloads.ts';
import type { RunningParts } from './running-parts.ts';
import type { ServingThreads } from './threads.ts';

export interface OperationIo {
  readonly version?: string;
  /** What the configuration was read from, and how to read it again; left out: it stays. */
  readonly reading?: Pick<ReloadParts, 'loaded' | 'reread'>;
}

export function openOperation(
  { reading, version = '' }: OperationIo,
  parts: RunningParts,
  from: Omit<
    OperationParts,
    | 'certificates'
    | 'configFile'
    | 'configInForce'
    | 'control'
    | 'engine'
    | 'guestBytes'
    | 'journal'
    | 'startedAtMs'
    | 'stateBytes'
    | 'version'
  > &
    Pick<SwapParts, 'daemonLog' | 'resolver' | 'threads'> & { readonly drain: () => void },
): Promise<Operation> {
  const { drain, ...rest } = from;
  const { journal } = parts;
  let configInForce = rest.config;
  if (reading !== undefined) {
    const swap = async (live: LiveConfig): Promise<void> => {
      configInForce = await swapConfig(live, { ...rest, parts });
    };
    parts.reloads = new Reloads({ ...reading, journal, swap });
  }
  const directory = rest.config.stateDirectory;
  const stateSize = new StateSize({ directory, nowMs: () => performance.now() });
  return Operation.open({
    ...{ ...rest, journal, version, startedAtMs: Date.now() },
    configFile: reading?.loaded.file,
    configInForce: () => configInForce,
    certificates: () => parts.certificates,
    engine: () => parts.keeper?.engine,
    guestBytes: () => parts.keeper?.guestBytes,
    stateBytes: () => stateSize.bytes(),
    control: {
      get isDraining() {
        return parts.isStopping;
      },
      drain,
      reload: () => parts.reload(),
      async runSchedule(folderKey, entry) {
        if (parts.cron !== undefined) return await parts.cron.runNow(folderKey, entry);
        const rule = 'this daemon must have cron.enabled';
        throw new TerrafirmaError('admin-request', `Cannot run the schedule: ${rule}`);
      },
    },
  });
}

interface SwapParts {
  readonly config: Config;
  readonly resolver: Resolver;
  readonly threads: ServingThreads;
  readonly daemonLog: DaemonLog;
  readonly parts: RunningParts;
}

/** What could refuse it comes first. Answers what is in force then. */
async function swapConfig(live: LiveConfig, from: SwapParts): Promise<Config> {
  const { config, daemonLog, parts, resolver, threads } = from;
  new HostRules(live.hosts);
  await parts.certificates?.replaceOwn(live.certificates);
  resolver.setDns(live.dns);
  for (const rules of parts.hostRules) rules.replace(live.hosts);
  daemonLog.setLevel(live.logLevel);
  const inForce = withLive(config, live);
  threads.reconfigure(inForce);
  return inForce;
}
