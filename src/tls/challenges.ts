/**
 * What is shown to an authority right now; the listeners of all threads ask here. It lies in the
 * shared store for ten minutes, so that whichever node the authority asks can answer.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TokenBucket } from '../account/token-buckets.ts';
import type { HostName } from '../names.ts';
import type { Notice, SharedStore, Watch } from '../outside/store/contract.ts';
import type { CertificatePair } from '../threads/messages.ts';
import type { Challenge, ChallengeStage } from './acme/client.ts';
import { bytesOf, isChallengeKey, keys, certificateSpace as space, textOf } from './records.ts';
import { createChallengeCertificate, newCertificateKey } from './x509.ts';

export interface ChallengesOptions {
  readonly store: SharedStore;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  readonly onTrouble: (error: unknown) => void;
}

const shownMs = 600_000;
/** Far more than are ordered at once by all nodes. */
const announcedMax = 10_000;
const wait = { deadlineMs: 10_000 };
/** Strangers ask for tokens that nobody has: only so many of their questions reach the store. */
const strangersRule = { burst: 20, perSecond: 20 } as const;
/** RFC 8555, section 8.3: base64url of at least 128 bits. */
const tokenPattern = /^[A-Za-z0-9_-]{22,256}$/;

export class Challenges implements ChallengeStage {
  readonly #options: ChallengesOptions;
  /** What this process shows itself. */
  readonly #byToken = new Map<string, Challenge>();
  readonly #byName = new Map<HostName, Challenge>();
  readonly #strangers: TokenBucket;
  /** Keys of what others show, as far as it was told: no stranger keeps those from being read. */
  readonly #announced = new LRUCache<string, true>({ max: announcedMax, ttl: shownMs });
  readonly #watch: Watch;

  constructor(options: ChallengesOptions) {
    this.#options = options;
    this.#strangers = new TokenBucket(strangersRule, options.nowMs());
    this.#watch = options.store.watch(space, (notice) => this.#onNotice(notice));
  }

  /** The store itself is closed by whoever opened it. */
  close(): void {
    this.#watch.close();
  }

  /** Rejects with StoreError. */
  async show(challenge: Challenge): Promise<void> {
    const value = bytesOf(challenge.keyAuthorization);
    const write = { key: keyOf(challenge), op: 'put', value, ttlMs: shownMs } as const;
    await this.#options.store.commit(space, [write], wait);
    if (challenge.type === 'http-01') this.#byToken.set(challenge.token, challenge);
    else this.#byName.set(challenge.hostName, challenge);
  }

  /** What could not be withdrawn ends by itself. */
  async withdraw(challenge: Challenge): Promise<void> {
    const { token, hostName } = challenge;
    if (this.#byToken.get(token) === challenge) this.#byToken.delete(token);
    if (this.#byName.get(hostName) === challenge) this.#byName.delete(hostName);
    const write = { key: keyOf(challenge), op: 'delete' } as const;
    await this.#options.store.commit(space, [write], wait).catch(this.#options.onTrouble);
  }

  /** The body at `/.well-known/acme-challenge/<token>` (RFC 8555, section 8.3). */
  async httpAnswer(token: string): Promise<string | undefined> {
    const own = this.#byToken.get(token)?.keyAuthorization;
    if (own !== undefined || !tokenPattern.test(token)) return own;
    return this.#shownElsewhere(keys.httpChallenge(token));
  }

  /** The certificate for a handshake with ALPN `acme-tls/1` (RFC 8737). */
  async alpnCertificate(hostName: HostName): Promise<CertificatePair | undefined> {
    const own = this.#byName.get(hostName)?.keyAuthorization;
    const shown = own ?? (await this.#shownElsewhere(keys.alpnChallenge(hostName)));
    if (shown === undefined) return undefined;
    const digest = createHash('sha256').update(shown).digest();
    const key = newCertificateKey();
    const nowMs = this.#options.nowMs();
    return {
      chainPem: createChallengeCertificate(hostName, { digest, key, nowMs }),
      keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  async #shownElsewhere(key: Uint8Array): Promise<string | undefined> {
    const { store, nowMs, onTrouble } = this.#options;
    const isAnnounced = this.#announced.has(textOf(key));
    if (!isAnnounced && !this.#strangers.take(1, nowMs())) return undefined;
    try {
      const [entry] = await store.read(space, [key], { fresh: true });
      return entry === undefined ? undefined : textOf(entry.value);
    } catch (error) {
      onTrouble(error);
      return undefined;
    }
  }

  #onNotice(notice: Notice): void {
    if (notice === 'reset' || !isChallengeKey(notice.key)) return;
    if (notice.revision === 0) this.#announced.delete(textOf(notice.key));
    else this.#announced.set(textOf(notice.key), true);
  }
}

function keyOf({ type, token, hostName }: Challenge): Uint8Array {
  return type === 'http-01' ? keys.httpChallenge(token) : keys.alpnChallenge(hostName);
}
