/** Whether a server of the engine is one of those that the operator named. Pure. */
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** As `tls.connect` asks: the error where the certificate is another's. */
export type IdentityCheck = (name: string, certificate: PeerCertificate) => Error | undefined;

/** What TLS checks where nobody says whom it connects to. */
const nobody = 'localhost';

/**
 * The vendor's client tells TLS the name of a server, but not its address: where servers are named
 * by addresses, the certificate must be for one of those.
 *
 * @param servers As `tls://10.0.0.1:4222`.
 */
export function identityCheck(servers: readonly string[]): IdentityCheck {
  const addresses = servers
    .map((server) => new URL(server).hostname.replace(/^\[|\]$/g, ''))
    .filter((host) => isIP(host) !== 0);
  return (name, certificate) => {
    const fault = checkServerIdentity(name, certificate);
    if (fault === undefined || name !== nobody) return fault;
    const isKnown = addresses.some(
      (address) => checkServerIdentity(address, certificate) === undefined,
    );
    return isKnown ? undefined : fault;
  };
}
