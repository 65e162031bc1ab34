/** What a serving thread needs for HTTPS, and for plain HTTP beside it, from the configuration. */

import type { Config } from '../../config/config.ts';
import type { ThreadCounters } from '../../journal/counters.ts';
import type { Journal } from '../../journal/journal.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import type { RequestLog } from '../../journal/telemetry.ts';
import type { HostName } from '../../names.ts';
import type { HostRules } from '../../site/hosts.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import type { ThreadStart } from '../../threads/messages.ts';
import { systemClocks } from '../clocks.ts';
import type { HttpExchange } from '../exchange.ts';
import type { ListenerTls } from '../listener.ts';
import { PlainDoor } from '../plain-door.ts';
import type { Bans } from '../road/bans.ts';
import type { TrustedProxies } from '../road/client-address.ts';
import type { Gateway } from '../road/gateway.ts';
import type { Replica } from '../road/replica.ts';
import { TlsContexts } from './contexts.ts';

export interface ThreadParts {
  readonly link: ControlLink;
  readonly replica: Replica;
  readonly journal: Journal;
  readonly log: RequestLog;
  readonly gateway: Gateway;
  readonly hostRules: HostRules;
  readonly bans: Bans;
  readonly proxies: TrustedProxies;
  readonly counters: Pick<ThreadCounters, 'noteThread'>;
}

export interface TlsParts {
  readonly contexts: TlsContexts;
  readonly listener: ListenerTls;
  /** Answers exchanges of both kinds of listeners. */
  readonly serve: (exchange: HttpExchange, record: RequestRecord) => Promise<void>;
}

/** Undefined without TLS: plain HTTP then goes the way it always went. */
export function createTlsParts(start: ThreadStart, parts: ThreadParts): TlsParts | undefined {
  const { config, ticketKeys, tlsEndpoints } = start;
  const [endpoint] = tlsEndpoints;
  if (endpoint === undefined || ticketKeys === undefined) return undefined;
  const { bans, counters, proxies, gateway, hostRules, link, log, journal, replica } = parts;
  const { nowMs } = systemClocks;
  const contexts = new TlsContexts({
    ...{ limits: config.limits, link, nowMs },
    isBanned: (hostName) => bans.isHostBanned(hostName),
    onUnusable: (serverName, reason) =>
      journal.tell('certificate-unusable', { serverName, reason }),
  });
  const isFolderMode = config.folder !== undefined;
  const door = new PlainDoor({
    ...{ link, replica, log, isFolderMode, hostRules, bans, nowMs },
    panelName: config.dashboard.hostName,
    redirects: config.tls.redirects,
    publicPort: config.tls.publicPort ?? endpoint.port,
    serve: (exchange, record) => gateway.serve(exchange, record),
  });
  return {
    contexts,
    listener: {
      contexts,
      ticketKeys,
      fixedHeaders: hstsHeader(config),
      onHello: (hostName, clientAddress) =>
        warm(replica, isFolderMode ? undefined : hostName, clientAddress),
      clientOf: ({ remoteAddress = '' }) =>
        proxies.trusts(remoteAddress) ? undefined : remoteAddress,
      challengeOf: (hostName) =>
        link.ask({ ask: 'alpn-challenge', hostName }, `alpn-challenge ${hostName}`),
      onRefused: (serverName, reason) => {
        counters.noteThread('handshakes-refused');
        journal.tell('handshake-refused', { serverName, reason });
      },
      onHandshake: (isDone) =>
        counters.noteThread(isDone ? 'handshakes-done' : 'handshakes-failed'),
      onFlood: (clientAddress, reason) =>
        journal.tell('http2-connection-cut', { clientAddress, reason }),
    },
    serve: (exchange, record) => door.serve(exchange, record),
  };
}

/** The record is looked up and the folder read while the handshake is still going on. */
function warm(
  replica: Replica,
  hostName: HostName | undefined,
  clientAddress: string | undefined,
): void {
  const looked = new Promise((resolve) =>
    resolve(replica.siteOf(hostName, systemClocks.nowMs(), clientAddress)),
  );
  // Why there is no site is told to the request that asks for it.
  looked.catch(() => undefined);
}

function hstsHeader(config: Config): ListenerTls['fixedHeaders'] {
  const { hstsMaxAgeS } = config.tls;
  if (hstsMaxAgeS === 0) return undefined;
  return [['strict-transport-security', `max-age=${hstsMaxAgeS}`]];
}
