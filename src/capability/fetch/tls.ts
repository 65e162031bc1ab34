/** What Node's TLS is told of a server. */
import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type SecureContext,
  type SecureVersion,
} from 'node:tls';
import type { Backend, TlsVersion } from './contract.ts';
import { FaultyRefusal } from './faults.ts';

const secureVersions: Readonly<Record<TlsVersion, SecureVersion>> = {
  '1.0': 'TLSv1',
  '1.1': 'TLSv1.1',
  '1.2': 'TLSv1.2',
  '1.3': 'TLSv1.3',
};
/** OpenSSL has none at its usual level that fits them. */
const ciphersOfOldVersions = 'DEFAULT:@SECLEVEL=0';

/**
 * The options for a socket to `hostName`, which is proven, or what the back-end is set to.
 *
 * @throws CapabilityRefusal `input` for what OpenSSL cannot use, such as a bad PEM
 */
export function tlsOptions(hostName: string, backend: Backend | undefined): ConnectionOptions {
  const usual = isIP(hostName) === 0 ? hostName.replace(/\.$/, '') : '';
  if (backend === undefined) return { servername: usual, ALPNProtocols: ['http/1.1'] };
  const proven = backend.certificateHost ?? (usual === '' ? hostName : usual);
  return {
    servername: backend.sni ?? usual,
    ALPNProtocols: backend.grpc === true ? ['h2'] : ['http/1.1'],
    checkServerIdentity: (_name, certificate) => checkServerIdentity(proven, certificate),
    secureContext: secureContextOf(backend),
  };
}

function secureContextOf(backend: Backend): SecureContext {
  const { ca, clientCertificate, clientKeyPem, tlsMin, tlsMax = '1.3' } = backend;
  const usualCiphers = tlsMax < '1.2' ? ciphersOfOldVersions : undefined;
  const ciphers = backend.ciphers ?? usualCiphers;
  try {
    return createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(clientCertificate === undefined ? {} : { cert: clientCertificate, key: clientKeyPem }),
      minVersion: secureVersions[tlsMin ?? (tlsMax < '1.2' ? tlsMax : '1.2')],
      maxVersion: secureVersions[tlsMax],
    });
  } catch (cause) {
    const rule = 'the TLS settings of a back-end must be usable';
    const reason = cause instanceof Error ? cause.message : String(cause);
    const fault = { type: 'tls_configuration_error' } as const;
    const message = `Cannot connect: ${rule}: received ${reason}`;
    throw new FaultyRefusal('input', message, { cause, fault });
  }
}
