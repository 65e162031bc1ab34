/** Opens the owners' dashboard, where the operator wants one. */
import { realpathSync } from 'node:fs';
import type { Assets } from '../admin/dashboard/assets.ts';
import { OwnerPanel } from '../admin/owners/panel.ts';
import type { Redaction } from '../admin/owners/redacted.ts';
import type { AdminWorld } from '../admin/world.ts';
import { isSocketPath } from '../config/admin-settings.ts';
import type { Config } from '../config/config.ts';
import type { Publisher } from '../deploy/publish.ts';
import { TerrafirmaError } from '../errors.ts';
import {
  type FolderKey,
  type FolderPath,
  ownerOf,
  parseFolderPath,
  parseHostName,
} from '../names.ts';
import type { Resolver } from '../outside/dns/dns.ts';
import type { LocatedFolder } from '../outside/mount/locate.ts';
import type { MountGuards } from '../outside/mount/mount-guards.ts';
import type { HostRules } from '../site/hosts.ts';
import { panelSocketPath } from '../threads/panel.ts';
import type { Places } from './places.ts';

export interface OwnerPanelParts {
  readonly world: AdminWorld;
  readonly assets: Assets;
  readonly resolver: Pick<Resolver, 'record'>;
  readonly publisher: Pick<Publisher, 'folders' | 'siteOf'>;
  readonly hostRules: HostRules;
  readonly places: Pick<Places, 'locator'>;
  readonly guards: MountGuards;
  readonly nowMs: () => number;
}

/**
 * Undefined where the operator wants none.
 *
 * @throws TerrafirmaError `config` where it could not be safe, `start`.
 */
export async function openOwnerPanel(parts: OwnerPanelParts): Promise<OwnerPanel | undefined> {
  const { assets, guards, nowMs, publisher, world } = parts;
  const { config } = world;
  if (config.dashboard.hostName === undefined) return undefined;
  requireRoom(config);
  const locate = (path: FolderPath): Promise<LocatedFolder> => parts.places.locator.locate(path);
  const panel = new OwnerPanel({
    ...{ world, assets, nowMs, redactionOf: redactionsOf(config, publisher) },
    findFolder: async (site, address) => {
      const path = await pathOf(site, address, parts);
      parts.hostRules.checkFolder(path);
      return await locate(path);
    },
    locate: (folderKey) => locate(parseFolderPath(folderKey)),
    use: (folderKey) => {
      const look = async (): Promise<unknown> =>
        publisher.siteOf(await locate(parseFolderPath(folderKey)));
      // What is wrong with it is what its owner came to see: the page shows it.
      look().catch(() => undefined);
    },
    fsOf: (mountDirectory, folderKey) => guards.fsOf(mountDirectory, ownerOf(folderKey)),
  });
  await panel.listen(panelSocketPath(config));
  return panel;
}

/** @throws TerrafirmaError `config`. */
function requireRoom(config: Config): void {
  const path = panelSocketPath(config);
  const rules: readonly (readonly [isKept: boolean, rule: string])[] = [
    [process.platform === 'linux', 'it is for Linux alone: elsewhere links could lead out'],
    [
      config.folder === undefined,
      'there must be mounts: a folder served by its path has one owner',
    ],
    [config.tls.listen.length > 0, 'there must be HTTPS: set tls.listen'],
    [isSocketPath(path), `the path of its socket must have at most 107 bytes: received ${path}`],
  ];
  for (const [isKept, rule] of rules) {
    if (isKept) continue;
    const { hostName } = config.dashboard;
    const detail = `Cannot start: dashboard.host_name: ${rule}: received ${hostName}`;
    throw new TerrafirmaError('config', detail);
  }
}

async function pathOf(
  site: string,
  address: string,
  { hostRules, resolver }: Pick<OwnerPanelParts, 'hostRules' | 'resolver'>,
): Promise<FolderPath> {
  if (site.startsWith('/')) return parseFolderPath(site);
  const hostName = parseHostName(site);
  hostRules.checkName(hostName);
  const lookup = await resolver.record(hostName, address);
  if (lookup.kind === 'found') return lookup.value;
  throw lookup.error;
}

function redactionsOf(
  { mounts, stateDirectory }: Config,
  publisher: Pick<Publisher, 'folders'>,
): (folderKey: FolderKey) => Redaction {
  const ofMachine = mounts.flatMap(({ directory, prefix }) => [
    [directory, prefix] as const,
    [realOf(directory), prefix] as const,
  ]);
  return (folderKey) => {
    const look = publisher.folders().find((other) => other.folderKey === folderKey);
    const own = look === undefined ? [] : [[look.directory, folderKey] as const];
    // The longest first: a mount's directory is the beginning of the folder's.
    return { directories: [...own, ...ofMachine, [stateDirectory, 'the state'] as const] };
  };
}

/** A mount that is away now is called as the operator called it. */
function realOf(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}
