/** Whether what an authority handed out is what was ordered. Pure. */
import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { HostName } from '../../names.ts';
import { readChain } from '../x509.ts';
import { AcmeError } from './problem.ts';

/**
 * An authority that hands out something else must not make us serve it, or loop.
 *
 * @throws AcmeError `unavailable`
 */
export function checkIssued(
  chainPem: string,
  expected: {
    readonly hostName: HostName;
    readonly keyPem: string;
    readonly action: string;
    readonly nowMs: number;
  },
): void {
  const { hostName, keyPem, action, nowMs } = expected;
  const [leaf] = readChainOrNothing(chainPem);
  const isOurs = leaf?.checkPrivateKey(createPrivateKey(keyPem)) === true;
  const isUsable = isOurs && leaf.checkHost(hostName) !== undefined;
  if (isUsable && isWholeChain(chainPem, keyPem)) {
    if (Date.parse(leaf.validTo) > nowMs) return;
    const held = 'the certificate must still hold, by the clock of this machine';
    throw new AcmeError('unavailable', `Cannot ${action}: ${held}: received ${leaf.validTo}`);
  }
  const rule = 'the certificate must be of our key and this host name';
  throw new AcmeError('unavailable', `Cannot ${action}: ${rule}: received another`);
}

/** As handshakes will read it: what breaks off behind the leaf would make each of them fail. */
function isWholeChain(chainPem: string, keyPem: string): boolean {
  try {
    createSecureContext({ cert: chainPem, key: keyPem });
    return true;
  } catch {
    // Whatever OpenSSL has against it: it is no certificate for us.
    return false;
  }
}

function readChainOrNothing(chainPem: string): readonly X509Certificate[] {
  try {
    return readChain(chainPem);
  } catch {
    // Not PEM at all: the same as no certificate of ours.
    return [];
  }
}
