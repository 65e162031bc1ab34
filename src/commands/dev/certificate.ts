/** A certificate that `terrafirma dev --https` signs itself, for names of this machine. */
import {
  createCertificate,
  nameExtension,
  newCertificateKey,
  publicKeyInfo,
  toPem,
} from '../../tls/x509.ts';

const validityMs = 30 * 24 * 3_600_000;
const clockSkewMs = 3_600_000;

/** PEM. Browsers warn of it: nobody but this machine knows it. */
export function selfSigned(nowMs: number): { readonly key: string; readonly cert: string } {
  const key = newCertificateKey();
  const certificate = createCertificate(publicKeyInfo(key), {
    subject: 'terrafirma dev',
    issuer: 'terrafirma dev',
    notBeforeMs: nowMs - clockSkewMs,
    notAfterMs: nowMs + validityMs,
    extensions: [nameExtension('localhost')],
    signer: key,
  });
  return { key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: toPem(certificate) };
}
