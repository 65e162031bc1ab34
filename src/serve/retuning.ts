/** What a serving thread takes over of a configuration that was read again. */
import type { Logger } from 'pino';
import type { ThreadCapabilities } from '../capability/lending.ts';
import type { Config, Limits } from '../config/config.ts';
import type { GuestPool } from '../engine/supply/pool.ts';
import type { HostRules } from '../site/hosts.ts';
import type { TrustedProxies } from './road/client-address.ts';
import type { Replica } from './road/replica.ts';

export interface Retunable {
  /** The thread's own copy, which all of its parts look at. */
  readonly limits: Limits;
  readonly hostRules: HostRules;
  readonly proxies: TrustedProxies;
  readonly logger: Logger;
  readonly pool: GuestPool;
  readonly capabilities: ThreadCapabilities;
  readonly replica: Pick<Replica, 'forgetNames'>;
}

export function retune(config: Config, parts: Retunable): void {
  const { capabilities, hostRules, limits, logger, pool, proxies, replica } = parts;
  hostRules.replace(config.hosts);
  replica.forgetNames();
  proxies.replace(config.proxies.trustedCidrs);
  logger.level = config.log.level;
  Object.assign(limits, config.limits);
  pool.retune();
  capabilities.side('fetch').outbound.allow(config.outbound.allowedCidrs);
}
