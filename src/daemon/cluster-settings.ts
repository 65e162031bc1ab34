/** The settings of several nodes, with what is this machine's own. */
import { hostname } from 'node:os';
import type { Config } from '../config/config.ts';
import type { ClusterSettings } from '../outside/store/nats/settings.ts';

export function clusterSettingsOf({ cluster }: Pick<Config, 'cluster'>): ClusterSettings {
  return { ...cluster, node: cluster.node ?? hostname() };
}
