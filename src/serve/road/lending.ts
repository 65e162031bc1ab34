/** What a serving thread can lend to its guests: one of each part for the whole thread. */
import type { Account } from '../../account/account.ts';
import type { CapabilityParts } from '../../capability/catalogue.ts';
import { systemClock, systemTimer } from '../../capability/clock.ts';
import type { Lookup } from '../../capability/fetch/connect.ts';
import { OutboundHttp } from '../../capability/fetch/fetch.ts';
import { OwnAddresses } from '../../capability/fetch/own-addresses.ts';
import { Visits } from '../../capability/fetch/visits.ts';
import { SiteFileSource } from '../../capability/files/files.ts';
import { KeyValueClient } from '../../capability/kv/client.ts';
import { keyValueDatabasePath } from '../../capability/kv/writer.ts';
import { RandomPool } from '../../capability/random.ts';
import type { RequestLog } from '../../journal/telemetry.ts';
import type { OwnerKey } from '../../names.ts';
import type { MountGuards } from '../../outside/mount/mount-guards.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import type { ThreadStart } from '../../threads/messages.ts';

export interface LendingOptions {
  readonly start: ThreadStart;
  readonly link: ControlLink;
  readonly guards: MountGuards;
  readonly log: RequestLog;
  readonly ownAddresses: OwnAddresses;
  readonly account: Account;
}

/** The addresses that this thread's guests must not reach, told of those known at its start. */
export function openOwnAddresses(start: ThreadStart): OwnAddresses {
  const own = new OwnAddresses({
    named: start.config.acme.publicAddresses,
    servedPorts: [...start.endpoints, ...start.tlsEndpoints].map(({ port }) => port),
    nowMs: () => performance.now(),
  });
  own.learnServed(start.servedAddresses);
  return own;
}

export function createCapabilityParts(options: LendingOptions): CapabilityParts {
  const { start, link, guards, log, ownAddresses, account } = options;
  const { config } = start;
  const { limits } = config;
  const visits = new Visits({ key: start.visitKey, runsPerVisitMax: limits.runsPerVisitMax });
  const lookupOf =
    (owner: OwnerKey): Lookup =>
    (name, family) =>
      link.ask({ ask: 'addresses', name, family, owner }, `addresses ${family} ${name} ${owner}`);
  return {
    limits,
    clock: systemClock,
    timer: systemTimer,
    files: new SiteFileSource(guards),
    random: new RandomPool(),
    outbound: new OutboundHttp({
      limits,
      visits,
      allowedCidrs: config.outbound.allowedCidrs,
      isClosed: (address, port) => ownAddresses.isClosed(address, port),
      lookupOf,
    }),
    keyValue: new KeyValueClient({
      port: start.keyValuePort,
      databasePath: keyValueDatabasePath(config.stateDirectory),
      limits,
      account,
    }),
    resolverOf: (owner) => ({
      addresses: lookupOf(owner),
      exchange: (query) => {
        const key = `dns ${Buffer.from(query).toString('base64')} ${owner}`;
        return link.ask({ ask: 'dns', query, owner }, key);
      },
    }),
    onGuestLine: (level, message, tag) => log.writeOfGuest(level, message, tag),
  };
}
