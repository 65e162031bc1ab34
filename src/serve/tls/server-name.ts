/** The name of a TLS handshake and those of the requests behind it. */
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { TerrafirmaError } from '../../errors.ts';
import type { ReadHead } from '../../http/request-head.ts';
import { quoteReceived } from '../../names.ts';
import type { HostNames } from '../road/host-names.ts';

/**
 * A connection was let in for one name, and may be asked for that one alone (RFC 9110, section
 * 15.5.20): what is said about a name, such as who may be served, was asked about this one.
 *
 * @throws TerrafirmaError `misdirected`.
 */
export function checkServerName(
  { authority, hostName }: Pick<ReadHead, 'authority' | 'hostName'>,
  socket: TLSSocket,
  hostNames: HostNames,
): void {
  const { servername } = socket as { servername?: string | false };
  if (servername === undefined || servername === false || authority === servername) return;
  // The handshake named an address, which counts as naming nobody.
  if (isIP(servername) !== 0) return;
  if (hostName !== undefined && hostName === hostNames.of(servername)) return;
  throw new TerrafirmaError(
    'misdirected',
    `Cannot serve the request: its host name must be that of the TLS handshake: received ` +
      `${quoteReceived(authority)} after ${quoteReceived(servername)}`,
  );
}
