/** What is shown to an authority right now; the listeners of all threads ask here. */
import { createHash } from 'node:crypto';
import type { HostName } from '../names.ts';
import type { CertificatePair } from '../threads/messages.ts';
import type { Challenge, ChallengeStage } from './acme/client.ts';
import { createChallengeCertificate, newCertificateKey } from './x509.ts';

export class Challenges implements ChallengeStage {
  readonly #nowMs: () => number;
  readonly #byToken = new Map<string, Challenge>();
  readonly #byName = new Map<HostName, Challenge>();

  /** @param nowMs Milliseconds since the Unix epoch. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  show(challenge: Challenge): void {
    if (challenge.type === 'http-01') this.#byToken.set(challenge.token, challenge);
    else this.#byName.set(challenge.hostName, challenge);
  }

  withdraw(challenge: Challenge): void {
    const { token, hostName } = challenge;
    if (this.#byToken.get(token) === challenge) this.#byToken.delete(token);
    if (this.#byName.get(hostName) === challenge) this.#byName.delete(hostName);
  }

  /** The body at `/.well-known/acme-challenge/<token>` (RFC 8555, section 8.3). */
  httpAnswer(token: string): string | undefined {
    return this.#byToken.get(token)?.keyAuthorization;
  }

  /** The certificate for a handshake with ALPN `acme-tls/1` (RFC 8737). */
  alpnCertificate(hostName: HostName): CertificatePair | undefined {
    const challenge = this.#byName.get(hostName);
    if (challenge === undefined) return undefined;
    const digest = createHash('sha256').update(challenge.keyAuthorization).digest();
    const key = newCertificateKey();
    const nowMs = this.#nowMs();
    return {
      chainPem: createChallengeCertificate(hostName, { digest, key, nowMs }),
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }
}
